"""Intervals in the report."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore.report import uncertain
from loadcore.report.glyphs import ASCII
from loadcore.report.layout import Page
from loadcore.report.step_table import StepRow, step_table

MS = 1_000_000


def step(n: int, **percentiles: dict[str, Any]) -> dict[str, Any]:
    """A step of a summary with these intervals."""
    closed = {"low_ns": 1, "high_ns": 2, "n_eff": n, "needs": 7}
    names = ("p50", "p90", "p95", "p99", "p999")
    return {
        "response": {"intervals": {"n": n, "missing": None, **{name: percentiles.get(name, closed) for name in names}}}
    }


def row(name: str) -> StepRow:
    """A step with intervals."""
    ends = ((7 * MS, 9 * MS), (28 * MS, 33 * MS), (46 * MS, None))
    return StepRow(name, 1800, 300.0, 0, 8 * MS, 30 * MS, 50 * MS, 120 * MS, intervals=ends)


def test_what_a_short_run_cannot_say_is_said_with_what_it_takes() -> None:
    """How many requests are there, what they are worth, and how many would do."""
    p99 = {"low_ns": 1, "high_ns": None, "n_eff": 140, "needs": 381}
    assert uncertain.of(step(4_000, p99=p99), ASCII) == [
        "too short for both ends of p99: p99 takes 381 independent requests or more, and these 4,000 are worth 140"
    ]
    assert uncertain.of(step(140, p99=p99), ASCII) == [
        "too short for both ends of p99: p99 takes 381 independent requests or more"
    ]


def test_where_all_intervals_have_two_ends_nothing_is_said() -> None:
    """Nor of percentiles that the table does not show."""
    assert uncertain.of(step(4_000), ASCII) == []
    assert uncertain.of(step(4_000, p999={"low_ns": 1, "high_ns": None, "n_eff": 1, "needs": 9}), ASCII) == []
    assert uncertain.of({"response": {"intervals": None}}, ASCII) == []


def test_why_there_are_no_intervals_is_said() -> None:
    """In the words of the summary."""
    found = {"response": {"intervals": {"n": 3, "missing": "too short"}}}
    assert uncertain.of(found, ASCII) == ["no intervals: too short"]
    assert uncertain.ends(found["response"]) == ()


@pytest.mark.parametrize(("width", "intervals"), [(120, 3), (80, 1), (60, 0)])
def test_intervals_stand_in_the_table_where_there_is_room(width: int, intervals: int) -> None:
    """That of p99 is the last to be left out, and the percentiles themselves stay."""
    lines = step_table("STEP", [row("GET /items"), row("POST /orders")], None, Page(width, ASCII))
    assert lines[0].count("[95%]") == intervals
    assert all(len(line) <= width for line in lines)
    assert all(word in lines[0] for word in ("p50", "p95", "p99"))
    assert ("[>46.0]" in lines[1]) == (intervals > 0)


def test_a_table_without_intervals_has_no_columns_for_them() -> None:
    """As in the live view."""
    lines = step_table("STEP", [StepRow("GET /", 1, 1.0, 0, MS, MS, MS, MS)], None, Page(120, ASCII))
    assert "[95%]" not in lines[0]


def threshold(value: float | None, limit: float, **interval: int | None) -> dict[str, Any]:
    """One on a percentile, as it was judged."""
    return {"value": value, "limit": limit, "interval": {"n_eff": 9, "needs": 9, **interval}}


def test_a_threshold_is_told_with_its_interval() -> None:
    """And whether the run can tell the value from the limit."""
    ends = {"low_ns": 44_200_000, "high_ns": 50_200_000}
    assert uncertain.measured(threshold(47_200_000, 60 * MS, **ends), ASCII) == ("47.2ms", "[44.2-50.2]")
    assert uncertain.measured(threshold(47_200_000, 49 * MS, **ends), ASCII) == (
        "47.2ms",
        "[44.2-50.2]: the limit lies within",
    )
    open_above = {"low_ns": 44_200_000, "high_ns": None}
    assert uncertain.measured(threshold(47_200_000, 60 * MS, **open_above), ASCII)[1].endswith("the limit lies within")
    assert uncertain.measured(threshold(47_200_000, 40 * MS, **open_above), ASCII)[1] == "[>44.2]"


def test_other_thresholds_are_told_as_they_are() -> None:
    """Rates have no interval, and what has no data has none."""
    assert uncertain.measured({"value": 0.5, "limit": 1}, ASCII) == ("", "")
    assert uncertain.measured({"value": 0.5, "limit": 1, "interval": None}, ASCII) == ("", "")
    assert uncertain.measured(threshold(None, 1, low_ns=None, high_ns=None), ASCII) == ("", "")


def test_a_value_is_not_rounded_to_its_limit() -> None:
    """Crossed by 4 ms is not 250 ms of less than 250 ms, however wide the interval is."""
    ends = {"low_ns": 160 * MS, "high_ns": None}
    assert uncertain.measured(threshold(254 * MS, 250 * MS, **ends), ASCII)[0] == "254ms"
    assert uncertain.measured(threshold(254 * MS, 300 * MS, **ends), ASCII)[0] == "250ms"
