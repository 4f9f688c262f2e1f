"""The client's own delay, with real servers that stamp each request: what starves it makes a run invalid.

A busy machine may starve any client, so nothing is compared with a clock: whether a verdict is true is asked of the
server's own log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ExitCode
from tests.verdict import running
from tests.verdict.matrix import situations
from tests.verdict.scoring import score

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verdict.running import Observed

_SEED = 1


@pytest.mark.parametrize("key", ["e-stopped", "e-stopped-open"])
def test_a_client_that_is_stopped_half_of_the_time_says_so(key: str, tmp_path: Path) -> None:
    """Closed or open: INVALID, with times less its own delay that are near those of the server."""
    observed = _run(key, tmp_path)
    all_steps = observed.summary["all"]
    assert observed.truth is not None
    _, true_p95_ns, _ = observed.truth

    assert observed.exit_code == ExitCode.INVALID, observed.text
    (lag,) = [finding for finding in observed.summary["findings"] if finding["rule"] == "lag"]
    assert (lag["subject"], lag["severity"]) == ("client", "invalid")
    reported, without = (all_steps[name]["p95_ns"] for name in ("response", "response_without_lag"))
    assert reported > 2 * true_p95_ns
    assert abs(without - true_p95_ns) < (reported - true_p95_ns) / 2


@pytest.mark.parametrize("key", ["quiet-closed", "quiet-open"])
def test_a_client_that_nothing_disturbs_is_not_blamed(key: str, tmp_path: Path) -> None:
    """Neither falsely invalid nor falsely valid, by the server's log, whatever else the machine does."""
    observed = _run(key, tmp_path)
    found = score(situations(_SEED)[key], observed)

    # What is off by 10.0 % is called either.
    assert found.is_at_the_edge or not (found.is_false_invalid or found.is_false_pass), observed.text


def _run(key: str, folder: Path) -> Observed:
    situation = situations(_SEED)[key]
    if reason := running.why_not(situation):
        pytest.skip(reason)
    return running.run(situation, _SEED, folder / key)
