"""How much more than it is asked a machine can drive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadcore.judge.headroom import Headroom, about, afterwards, told
from loadcore.results import shape
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.sum import summary
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.totals import Totals
from tests.unit.results.numbers import START


def test_headroom_is_cores_by_what_a_request_costs_them() -> None:
    """Two cores at 50 µs a request drive 40,000 a second: five times 8,000, and half of 80,000."""
    assert Headroom.of(50_000, 2, 8_000) == Headroom(40_000, 8_000, 2)
    assert Headroom.of(50_000, 2, 8_000).times == 5
    assert Headroom.of(50_000, 2, 80_000).times == 0.5
    assert Headroom.of(50_000, 0.5, None).times is None


@pytest.mark.parametrize(("asked", "is_enough"), [(39_999, True), (40_000, True), (40_001, False), (None, True)])
def test_a_machine_that_falls_short_is_noted(asked: float | None, is_enough: bool) -> None:
    """From one on it is_enough. A note is not a verdict."""
    headroom = Headroom(40_000, asked, 2)

    assert headroom.is_enough is is_enough
    assert [(note.severity, note.subject, note.limit) for note in headroom.findings()] == (
        [] if is_enough else [("note", "client", 1.0)]
    )


@pytest.mark.parametrize(
    ("headroom", "text"),
    [
        (Headroom(41_234, 6_000, 2), "this machine drives 41,200 requests/s of this; you ask 6,000/s: 6.9 x headroom"),
        (Headroom(999, 1_000, 1), "this machine drives 999 requests/s of this; you ask 1,000/s: 0.99 x headroom"),
        (
            Headroom(5.25, None, 1),
            "this machine drives 5.25 requests/s of this; you ask for as many as the target can answer",
        ),
    ],
)
def test_it_is_told_in_a_sentence(headroom: Headroom, text: str) -> None:
    """Three digits of rates, two of the headroom, and no rounding up to what is_enough."""
    assert headroom.text == text


@pytest.mark.parametrize(
    ("times", "text"),
    [(0.004, "0.004 x"), (0.9999, "0.99 x"), (1, "1.0 x"), (6.83, "6.8 x"), (41.4, "41 x"), (2e6, "> 1,000 x")],
)
def test_times_are_short(times: float, text: str) -> None:
    """More digits would not help."""
    assert told(times) == text


def test_rates_are_short() -> None:
    """Three digits."""
    assert [about(each) for each in (0.1234, 12.34, 123_456, 2e6)] == ["0.123", "12.3", "123,000", "2,000,000"]


def test_afterwards_it_is_cores_by_cores_used() -> None:
    """Of a run that used a quarter of two cores eight times as much could have been driven."""
    assert afterwards(0.25, 2) == 8
    assert afterwards(0.0, 2) is None


@pytest.mark.parametrize(("asked", "notes"), [(1_000, []), (80_000, ["headroom"])])
def test_what_was_measured_before_stands_in_the_summary(asked: float, notes: list[str]) -> None:
    """With its figures, and with a note where it was not enough; the exit code stays what it was."""
    calibration = Headroom(40_000, asked, 2).to_dict()
    start = replace(START, calibration=calibration)
    end = RunEnd(10_000_000_000, (WorkerEnd(0, "finished"), WorkerEnd(1, "finished")))
    document, plain = (summary.build(Parts(each, end, Totals(2), ())) for each in (start, START))

    assert document["calibration"] == calibration
    assert plain["calibration"] is None
    assert [finding["rule"] for finding in document["findings"]] == notes
    assert document["verdict"] == plain["verdict"]
    assert shape.fault(document, summary.schema()) is None
