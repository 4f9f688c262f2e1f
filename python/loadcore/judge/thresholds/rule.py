"""What a run is judged by: a threshold, parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Time: TypeAlias = Literal["service", "response", "ttfb"]
Counter: TypeAlias = Literal[
    "requests",
    "answered",
    "judged",
    "errors",
    "checks",
    "checks_failed",
    "iterations_due",
    "iterations_dropped",
    "users_planned",
    "users_lost",
]
Unit: TypeAlias = Literal["ratio", "ns", "per_s", "count"]
OPERATORS: Final = ("<", "<=", ">", ">=", "==")
DEFAULTS: Final = {
    "errors": "errors.rate < 1%",
    "checks": "checks.rate > 99%",
    "answered": "answered >= 99% of asked",
}
"""What is judged where no threshold says otherwise: by the first word of the metrics that replace it."""
DEFAULT: Final = DEFAULTS["errors"]
"""An example for messages."""
ANY_ERROR: Final = "errors.count == 0"
"""What is judged of a Locust file where no threshold says otherwise, as Locust does: one failure is enough."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured."""

    name: str
    """As written: `errors.rate`, `service.p99`."""
    unit: Unit
    """In what it is measured. A ratio of 1 is everything."""
    time: Time | None = None
    quantile: float | None = None
    """Of a time; `None` means its mean."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A threshold, parsed: what is judged. Made by `parse` and given its scope by `resolve`."""

    expression: str
    """As written, for people."""
    metric: Metric
    operator: str
    limit: float
    """In the metric's unit."""
    scope: str | None = None
    """As written; what it means is in the next two once it is resolved."""
    scenario: str | None = None
    step: str | None = None
    abort_after_ns: int | None = None
    default: bool = False
    """Whether it is one of `DEFAULTS`, not written by the user."""
    may_lack_checks: bool = False
    """Whether no check at all is as good as checks that hold: users in Python make theirs where they get to, and an
    `assert` that holds is not seen."""
