"""What a summary is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.results.run_facts import RunEnd, RunStart
    from loadcore.results.run_folder import RunFolder
    from loadcore.results.samples import Sample
    from loadcore.results.sum.totals import Totals


@dataclass(frozen=True)
class Parts:
    """Everything that is known of a run when it is summed up."""

    start: RunStart
    end: RunEnd
    totals: Totals
    thresholds: Sequence[dict[str, Any]]
    """As they were judged: expression, state, value, limit, unit."""
    samples: Sequence[Sample] = ()
    """What failures looked like, the first first."""
    folder: RunFolder | None = None
    """Where the windows and rows are, for the intervals of percentiles."""
