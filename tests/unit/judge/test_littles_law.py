"""Little's law, as a rule on what workers counted."""

from __future__ import annotations

import pytest

from loadcore.judge.littles_law import LIMIT, Flights, findings

S = 1_000_000_000


@pytest.mark.parametrize(("in_flight", "recorded"), [(0, 0), (100, 100), (100, 98), (98, 100)])
def test_counts_that_agree_say_nothing(in_flight: int, recorded: int) -> None:
    """To 2 %, either way."""
    assert findings([Flights(0, in_flight * S, recorded * S)]) == []


@pytest.mark.parametrize(("in_flight", "recorded"), [(100, 97), (97, 100), (100, 0), (0, 100), (-5, 100)])
def test_counts_that_do_not_agree_are_not_valid(in_flight: int, recorded: int) -> None:
    """Records that were lost, records that were made twice, a clock that jumped."""
    (found,) = findings([Flights(0, in_flight * S, recorded * S), Flights(1, S, S)])
    assert (found.severity, found.rule, found.worker, found.workers) == ("invalid", "littles_law", 0, (0,))
    assert found.value is not None
    assert found.value > LIMIT
    assert "requests were lost or counted twice, or the clock jumped: worker 0 had" in found.message


def test_all_workers_are_told_at_once() -> None:
    """With the numbers of the worst."""
    (found,) = findings([Flights(each, 100 * S, (90 - each) * S) for each in range(3)])
    assert found.workers == (0, 1, 2)
    assert found.worker == 2
    assert "all 3 workers" in found.message
