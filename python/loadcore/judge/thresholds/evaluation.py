"""Holding rules against what was measured."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.judge.thresholds.rule import Counter, Metric, Rule, Time

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
# The part, and what it is a part of: with nothing of the whole there is no data, even for a count of 0.
_PARTS: Final[dict[str, tuple[Counter, Counter]]] = {
    "errors.rate": ("errors", "judged"),
    "errors.count": ("errors", "judged"),
    "requests.count": ("requests", "requests"),
    "throughput": ("answered", "requests"),
    "checks.rate": ("checks_failed", "checks"),
    "checks.failed": ("checks_failed", "checks"),
    "users.lost": ("users_lost", "users_planned"),
    "dropped.rate": ("iterations_dropped", "iterations_due"),
    "dropped.count": ("iterations_dropped", "iterations_due"),
}


class Measurements(Protocol):
    """The numbers that thresholds are judged by: the steady phase so far, or of the whole run.

    A scope is a scenario's and a step's name; `None` stands for all of them. Without a step only steps of the main
    section count. A number that does not exist is `None`, never 0.
    """

    def seconds_of(self, scenario: str | None, step: str | None) -> float:
        """Length of the steady phase so far."""
        ...

    def count(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:
        """How many. What the end of the run cut off is not among them.

        `judged` are the requests that ended their step: no redirect that was followed, no 401 that was sent again.
        `checks` are all that were made, `checks_failed` those of them that did not hold.
        """
        ...

    def answered_ratio(self, scenario: str | None) -> float | None:
        """What was answered, of what was asked in time: see `loadcore.judge.keeping_up`."""
        ...

    def quantile_ns(self, time: Time, quantile: float, scenario: str | None, step: str | None) -> float | None:
        """The time that a share of `quantile` requests does not exceed: 0.0 gives the least, 1.0 the greatest."""
        ...

    def mean_ns(self, time: Time, scenario: str | None, step: str | None) -> float | None:
        """The mean time."""
        ...


class ThresholdState(StrEnum):
    """What is known about a threshold."""

    PASS = "pass"  # noqa: S105 - a state
    FAIL = "fail"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """What a rule came to."""

    rule: Rule
    state: ThresholdState
    value: float | None
    """In the metric's unit; `None` without data."""

    def to_json(self) -> dict[str, Any]:
        """The entry in `summary.json`."""
        return {
            "expression": self.rule.expression,
            "state": self.state.value,
            "value": self.value,
            "limit": self.rule.limit,
            "unit": self.rule.metric.unit,
            "default": self.rule.default,
        }


def evaluate(rule: Rule, measured: Measurements) -> ThresholdResult:
    """Holds the rule against the numbers. Without data it neither passes nor fails."""
    value = _value(rule, measured)
    if value is None:
        return ThresholdResult(rule, ThresholdState.NO_DATA, None)
    return ThresholdResult(rule, ThresholdState.PASS if holds(rule, value) else ThresholdState.FAIL, value)


def holds(rule: Rule, value: float) -> bool:
    """Whether a rule holds with this value of its metric."""
    return _OPERATORS[rule.operator](value, rule.limit)


def _value(rule: Rule, measured: Measurements) -> float | None:
    """What the rule's metric is now; `None` where nothing was measured."""
    metric, scope = rule.metric, (rule.scenario, rule.step)
    if metric.time is not None:
        if metric.quantile is None:
            return measured.mean_ns(metric.time, *scope)
        return measured.quantile_ns(metric.time, metric.quantile, *scope)
    if metric.name == "answered":
        return measured.answered_ratio(rule.scenario)
    part, whole = (measured.count(counter, *scope) for counter in _PARTS[metric.name])
    if rule.may_lack_checks and not whole and measured.count("requests", *scope):
        return 1.0 if metric.name == "checks.rate" else 0
    return _counted(metric, part, whole, measured.seconds_of(*scope))


def _counted(metric: Metric, part: int | None, whole: int | None, seconds: float) -> float | None:
    if part is None or not whole:
        return None
    match metric.name:
        case "throughput":
            return part / seconds if seconds > 0 else None
        case "checks.rate":
            return (whole - part) / whole
        case _:
            return part / whole if metric.unit == "ratio" else part
