"""What thresholds are judged by in one stretch of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from loadcore.results.sum.measured import MeasuredStretch
from loadcore.results.sum.tally import Tally

if TYPE_CHECKING:
    from loadcore.results.run_facts import RunStart


def test_a_stretch_without_requests_has_no_times() -> None:
    """A second in which nothing ended is part of many runs: their pages must not lack the crossings for it."""
    empty = MeasuredStretch(Tally(), Tally(), cast("RunStart", None), 1.0)
    assert empty.mean_ns("response", None, None) is None
    assert empty.mean_ns("response", "shop", "GET /") is None
