"""A running run knows where it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.thresholds.grammar import parse
from loadcore.live.breaking import BreakWatch
from loadcore.live.frame import BreakFrame, LoadFrame

if TYPE_CHECKING:
    from loadcore.judge.thresholds.rule import Counter, Time


class Second:
    """A second with this p95, and nothing else."""

    def __init__(self, p95_ms: float) -> None:
        self._p95_ns = p95_ms * 1e6

    def seconds_of(self, scenario: str | None, step: str | None) -> float:  # noqa: ARG002 - of a protocol
        """One."""
        return 1.0

    def count(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:  # noqa: ARG002
        """None were counted."""
        return None

    def answered_ratio(self, scenario: str | None) -> float | None:  # noqa: ARG002
        """Unknown."""
        return None

    def quantile_ns(self, time: Time, quantile: float, scenario: str | None, step: str | None) -> float:  # noqa: ARG002
        """The same, whichever."""
        return self._p95_ns

    def mean_ns(self, time: Time, scenario: str | None, step: str | None) -> float | None:  # noqa: ARG002
        """Unknown."""
        return None


def watched(times: list[float]) -> BreakFrame | None:
    """What a watch says after seconds with these p95, whose load rises by ten users a second."""
    watch = BreakWatch([parse("response.p95 < 250ms")])
    for second, p95_ms in enumerate(times):
        of_second = Second(p95_ms)
        watch.observe(second, of_second, of_second)
        watch.bore(LoadFrame(10 * (second + 1), 100.0, round(p95_ms * 1e6)))
    return watch.broke


def test_three_seconds_in_a_row_break_a_run() -> None:
    """It broke in the first of them, and the load of the second before was borne."""
    broke = watched([20, 20, 300, 20, 21, 300, 310, 320, 20, 300, 300, 300])
    assert broke == BreakFrame(5, "response.p95 < 250ms", LoadFrame(50, 100.0, 21_000_000))


def test_two_seconds_in_a_row_do_not() -> None:
    """A hiccup is not a break."""
    assert watched([20, 300, 300, 20, 300, 300]) is None


def test_the_warm_up_is_not_a_load_that_was_borne() -> None:
    """Nothing was judged in it, so nothing is known of it."""
    watch = BreakWatch([parse("response.p95 < 250ms")])
    for second in range(5):
        of_second = Second(20 if second < 2 else 300)
        watch.observe(second, of_second, of_second)
        watch.bore(None if second < 2 else LoadFrame(10, 100.0, 300_000_000))
    assert watch.broke == BreakFrame(2, "response.p95 < 250ms", None)


def test_a_run_may_break_from_its_first_second_on() -> None:
    """Then no load was borne."""
    assert watched([300, 300, 300, 300]) == BreakFrame(0, "response.p95 < 250ms", None)
