"""Whether a target kept up with what it was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.judge.keeping_up import Asked, answered_ratio, asked_in_time, findings

MS = 1_000_000
S = 1_000 * MS

QUICK = Asked("shop", 0, 10 * S, dict.fromkeys(range(10), 100), 998, 0, 0, 10.0 * MS, 50)
"""100/s for ten seconds at 10 ms: one or two are under way at the end."""


def test_a_target_that_keeps_up_is_left_alone() -> None:
    """What is under way at the end is not missing."""
    assert answered_ratio(QUICK) == 1.0
    assert findings(QUICK) == []


@pytest.mark.parametrize(("rate", "seconds", "slow_ms"), [(100, 3, 300), (100, 1, 300), (5, 10, 300), (1000, 2, 900)])
def test_a_slow_target_is_not_one_that_falls_behind(rate: int, seconds: int, slow_ms: int) -> None:
    """A target that takes its time has the last of the load under way, however short the run is."""
    answered = int(rate * (seconds - slow_ms / 1000))
    slow = Asked("shop", 0, seconds * S, dict.fromkeys(range(seconds), rate), answered, 0, 0, slow_ms * float(MS), 50)
    assert answered_ratio(slow) == 1.0


def test_a_backlog_is_told_with_both_rates() -> None:
    """Asked 150/s of a target that serves 98/s: its queue is what is missing."""
    behind = Asked("shop", 0, 8 * S, dict.fromkeys(range(8), 150), 787, 0, 0, 120.0 * MS, 2000)
    (found,) = findings(behind)
    assert (found.subject, found.severity, found.rule) == ("target", "note", "backlog")
    assert found.message == "shop: asked 150/s, answered 98.4/s: the target did not keep up, 413 in flight at the end"
    assert found.value == pytest.approx(787 / (1200 - 18))


def test_two_percent_too_much_are_found_in_a_minute() -> None:
    """102/s of a target that serves 100/s."""
    slightly = Asked("shop", 0, 60 * S, dict.fromkeys(range(60), 102), 6000, 0, 0, 20.0 * MS, 2000)
    assert answered_ratio(slightly) == pytest.approx(6000 / 6118, abs=1e-4)


def test_too_few_users_are_the_plan_s() -> None:
    """Ten users at 300 ms start 33 of 100 a second: the plan says how many it takes."""
    few = Asked("shop", 0, 6 * S, dict.fromkeys(range(6), 100), 190, 0, 400, 300.0 * MS, 10, 300.0 * MS)
    (found,) = findings(few)
    assert (found.subject, found.rule) == ("plan", "users")
    assert "400 arrivals found none of 10 users free, at a response time of 300 ms (p50)" in found.message
    assert "take 30 or more" in found.advice


def test_failures_are_not_a_backlog() -> None:
    """What ended without an answer is reported as errors; the ratio counts it all the same."""
    failing = replace(QUICK, answered=500, failed=498)
    assert answered_ratio(failing) == pytest.approx(500 / 999)
    assert findings(failing) == []


def test_nothing_asked_in_time_is_no_ratio() -> None:
    """A run that was over before the target could have answered says nothing."""
    assert answered_ratio(replace(QUICK, by_second={})) is None
    assert answered_ratio(replace(QUICK, quick_ns=11.0 * S, answered=0)) is None


@given(
    start_ms=st.integers(0, 3000),
    length_ms=st.integers(1, 5000),
    quick_ms=st.integers(0, 6000),
    rate=st.integers(1, 1000),
)
def test_what_is_in_time_is_the_span_without_its_end(start_ms: int, length_ms: int, quick_ms: int, rate: int) -> None:
    """At an even rate, requests in time are the rate times what is left of the span, wherever it begins in a second."""
    end_ms = start_ms + length_ms
    by_second = {
        second: rate * overlap / 1000
        for second in range(end_ms // 1000 + 1)
        if (overlap := min(end_ms, (second + 1) * 1000) - max(start_ms, second * 1000)) > 0
    }
    asked = Asked("shop", start_ms * MS, end_ms * MS, by_second, 0, 0, 0, quick_ms * float(MS), 1)  # type: ignore[arg-type]
    assert asked_in_time(asked) == pytest.approx(rate * max(0, length_ms - quick_ms) / 1000)
