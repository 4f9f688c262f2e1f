"""Thresholds: claims about the whole run that decide the exit code.

    threshold  ::= [scope ":"] metric operator limit
    scope      ::= step | scenario "/" step | scenario "/*"
    metric     ::= time "." statistic | counter
    time       ::= "service" | "response" | "ttfb"
    statistic  ::= "p" number | "min" | "mean" | "max"       0 < number < 100, as p50, p99.9
    operator   ::= "<" | "<=" | ">" | ">=" | "=="            "==" for counts only
    limit      ::= duration | percent | rate | count         as the metric says

    counter           limit     is                                                   scope
    errors.rate       percent   requests that are errors, of all that ended a step   any
    errors.count      count     requests that are errors                             any
    requests.count    count     requests                                             any
    throughput        rate      requests that were answered per time                 any
    answered          percent   requests answered, of all asked in time              scenario
    checks.rate       percent   checks that held, of all that were made              any
    checks.failed     count     checks that did not hold                             any
    users.lost        count     users whose start failed                             scenario
    dropped.rate      percent   iterations that found no free user, of all due       scenario
    dropped.count     count     iterations that found no free user                   scenario

Everything is judged over the steady phase and, without a scope, over all steps except the users' start and token calls;
checks of the users' start count whenever they were made. A threshold without data has not passed: it is in a state of
its own.

`DEFAULTS` are judged in every run, unless a threshold without a step says something else about errors or checks.
"""

from __future__ import annotations

import operator
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from loadcore.suggestions import did_you_mean
from loadcore.units import parse_count, parse_duration, parse_percent, parse_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

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

DEFAULTS: Final = {
    "errors": "errors.rate < 1%",
    "checks": "checks.rate > 99%",
    "answered": "answered >= 99% of asked",
}
"""What is judged where no threshold says otherwise: by the first word of the metrics that replace it."""
DEFAULT: Final = DEFAULTS["errors"]
"""An example for messages."""

_SECOND_NS: Final = 1_000_000_000
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_UNITS: Final[dict[str, Unit]] = {
    "errors.rate": "ratio",
    "errors.count": "count",
    "requests.count": "count",
    "throughput": "per_s",
    "answered": "ratio",
    "checks.rate": "ratio",
    "checks.failed": "count",
    "users.lost": "count",
    "dropped.rate": "ratio",
    "dropped.count": "count",
}
_TIMES: Final[tuple[Time, ...]] = ("response", "service", "ttfb")
_IS_METRIC: Final = re.compile(rf"({'|'.join(_TIMES)})\.(?:p(\d+(?:\.\d+)?)|(min|mean|max))")
_STATISTICS: Final = ("p50", "p90", "p95", "p99", "p99.9", "min", "mean", "max")
_OTHER_PARTS: Final[dict[str, str]] = {
    "latency": "response",
    "duration": "response",
    "response_time": "response",
    "http_req_duration": "response",
    "http_req_waiting": "ttfb",
    "avg": "mean",
    "average": "mean",
    "med": "p50",
    "median": "p50",
}
_OTHER_METRICS: Final[dict[str, str]] = {
    "error": "errors.rate",
    "errors": "errors.rate",
    "error_rate": "errors.rate",
    "failures": "errors.rate",
    "fail_ratio": "errors.rate",
    "http_req_failed": "errors.rate",
    "rate": "throughput",
    "rps": "throughput",
    "req/s": "throughput",
    "http_reqs": "throughput",
    "checks": "checks.rate",
    "requests": "requests.count",
    "dropped": "dropped.rate",
    "dropped_iterations": "dropped.count",
}
"""What other tools, or a hurried user, call a metric or a part of its name."""
_OF_SCENARIOS: Final = frozenset({"answered", "users.lost", "dropped.rate", "dropped.count"})


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


class Totals(Protocol):
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


class State(StrEnum):
    """What is known about a threshold."""

    PASS = "pass"  # noqa: S105 - a state
    FAIL = "fail"
    NO_DATA = "no_data"


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
class Threshold:
    """A claim about the whole run, as declared. A plain text is one that does not abort.

    Threshold("errors.rate < 50%", abort_after="10s")     ends the run when it did not hold for ten seconds on end
    """

    expression: str
    """`[scope:] metric operator limit`, as in the module's grammar."""
    abort_after: str | None = None
    """End the run when it did not hold in any second of so long a time. By default it is judged at the end only."""


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
    """Whether nobody wrote it: one of `DEFAULTS`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule came to."""

    rule: Rule
    state: State
    value: float | None
    """In the metric's unit; `None` without data."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in `summary.json`."""
        return {
            "expression": self.rule.expression,
            "state": self.state.value,
            "value": self.value,
            "limit": self.rule.limit,
            "unit": self.rule.metric.unit,
            "default": self.rule.default,
        }


def parse(threshold: str | Threshold) -> Rule:
    """The rule that a threshold states; its scope is not resolved yet.

    Raises:
        ValueError: It is none; the message says what to write.
    """
    declared = Threshold(threshold) if isinstance(threshold, str) else threshold
    if not isinstance(declared, Threshold) or not isinstance(declared.expression, str):
        raise ValueError(f'{threshold!r} is no threshold: write it as "{DEFAULT}"')  # noqa: TRY004 - one kind of error for callers
    expression = " ".join(declared.expression.split())
    # Step names hold colons and spaces of their own; metric, operator and limit never do.
    match = re.fullmatch(
        r"(?:(?P<scope>.+): ?)?(?P<metric>[A-Za-z_.0-9/()]+) ?(?P<operator>[<>=!]+) ?(?P<limit>[^:]+)", expression
    )
    if match is None:
        raise ValueError(f'"{expression}" is no threshold: write it as "{DEFAULT}" or "login: service.p99 < 1s"')
    metric = _metric(match["metric"])
    if match["operator"] not in _OPERATORS:
        raise ValueError(f'"{match["operator"]}" in "{expression}" is no comparison: use <, <=, > or >=')
    if match["operator"] == "==" and metric.unit != "count":
        raise ValueError(f'"{expression}": only counts can be compared by ==')
    return Rule(
        expression=expression,
        metric=metric,
        operator=match["operator"],
        limit=_limit(metric, match["limit"]),
        scope=match["scope"],
        abort_after_ns=None if declared.abort_after is None else parse_duration(declared.abort_after),
    )


def resolve(rule: Rule, steps: Iterable[tuple[str, str]], owner: str | None = None) -> Rule:
    """The rule with its scope looked up.

    Args:
        rule: What `parse` gave.
        steps: Scenario and name of every step of the run.
        owner: The scenario that states the rule: it judges no other.

    Raises:
        ValueError: There is no such step or scenario, or the metric has no such scope.
    """
    known = [(scenario, step) for scenario, step in steps if owner in {None, scenario}]
    scope = rule.scope
    if scope is None:
        return replace(rule, scenario=owner)
    found: set[tuple[str | None, str | None]] = {(owner, step) for _, step in known if step == scope}
    found |= {(scenario, step) for scenario, step in known if f"{scenario}/{step}" == scope}
    found |= {(scenario, None) for scenario, _ in known if f"{scenario}/*" == scope}
    if not found:
        names = sorted({step for _, step in known} | {f"{scenario}/*" for scenario, _ in known})
        raise ValueError(f'"{rule.expression}": there is no step "{scope}"' + did_you_mean(scope, names))
    if len(found) > 1:
        raise ValueError(f'"{rule.expression}": "{scope}" names both a step and a step of a scenario')
    scenario, step = found.pop()
    if step is not None and rule.metric.name in _OF_SCENARIOS:
        raise ValueError(f'"{rule.expression}": {rule.metric.name} is counted for scenarios, not for steps')
    return replace(rule, scenario=scenario, step=step)


def defaults(
    rules: Iterable[Rule], scenarios: Sequence[str], checking: Collection[str], arriving: Collection[str] = ()
) -> list[Rule]:
    """The defaults that a run is judged by besides its own rules.

    A rule about errors, or about checks, replaces the default for the scenarios it judges, if it is not about one step.
    With several scenarios each is judged by itself: a busy one must not hide that another fails.

    Args:
        rules: The run's own, resolved.
        scenarios: The names of all scenarios.
        checking: Those of them that make checks.
        arriving: Those of them whose load are arrivals: an open model.
    """
    found = []
    judged_by = {"errors": scenarios, "checks": checking, "answered": arriving}
    said = [rule for rule in rules if rule.step is None]
    for subject, expression in DEFAULTS.items():
        judged = {rule.scenario for rule in said if rule.metric.name.partition(".")[0] == subject}
        if None in judged:
            continue
        own = replace(parse(expression), default=True)
        several = len(scenarios) > 1
        found += [
            replace(own, expression=f"{name}/*: {expression}", scenario=name) if several else own
            for name in scenarios
            if name not in judged and name in judged_by[subject]
        ]
    return found


def judge(rule: Rule, totals: Totals) -> Judgement:
    """Holds the rule against the numbers. Without data it neither passes nor fails."""
    value = _value(rule, totals)
    if value is None:
        return Judgement(rule, State.NO_DATA, None)
    holds = _OPERATORS[rule.operator](value, rule.limit)
    return Judgement(rule, State.PASS if holds else State.FAIL, value)


class AbortWatch:
    """Says when a threshold ends the run: when it has not held in second after second, for as long as it says.

    Each second is judged by itself, so that a target which has recovered is not held to what it did before. Counts grow
    with the run: they are judged over what was counted so far. A second without data neither counts nor is a break.
    Has no clock: seconds are arguments.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._failing_since: dict[Rule, int | None] = {rule: None for rule in rules if rule.abort_after_ns is not None}

    def observe(self, second: int, of_second: Totals, so_far: Totals) -> Rule | None:
        """The rule that ends the run now, if any. Called once for each second, when it is complete.

        Args:
            second: Counted from the start of the run.
            of_second: What was measured in that second.
            so_far: What was measured up to its end.
        """
        for rule, since in self._failing_since.items():
            state = judge(rule, so_far if rule.metric.unit == "count" else of_second).state
            if state is State.PASS:
                self._failing_since[rule] = None
            elif state is State.FAIL:
                first = second if since is None else since
                self._failing_since[rule] = first
                if (second + 1 - first) * _SECOND_NS >= (rule.abort_after_ns or 0):
                    return rule
        return None


def _metric(name: str) -> Metric:
    """The metric of that name; the message about an unknown one says which was meant."""
    if not _IS_METRIC.fullmatch(name) and name not in _UNITS:
        raise ValueError(f'"{name}" is not a metric{_nearest_metric(name)}')
    return _known_metric(name)


def _known_metric(name: str) -> Metric:
    if name in _UNITS:
        return Metric(name, _UNITS[name])
    match = _IS_METRIC.fullmatch(name)
    if match is None:
        raise ValueError(name)
    time: Any = match[1]
    fixed = {"min": 0.0, "mean": None, "max": 1.0}
    if match[3]:
        return Metric(name, "ns", time, fixed[match[3]])
    percentile = Fraction(match[2])
    if not 0 < percentile < 100:  # noqa: PLR2004 - percent
        raise ValueError(f'"{name}": a percentile lies between p0 and p100; use min or max for the ends')
    return Metric(name, "ns", time, float(percentile / 100))


def _nearest_metric(name: str) -> str:
    """The end of a message about an unknown metric: what was meant, else all there are."""
    written = re.sub(r"p\(([\d.]+)\)", r"p\1", name.lower())
    if written in _OTHER_METRICS:
        return f', did you mean "{_OTHER_METRICS[written]}"?'
    meant = ".".join(_OTHER_PARTS.get(part, part) for part in written.split(".", 1))
    for guess in (meant, f"response.{meant}", f"{meant}.p95"):
        with suppress(ValueError):
            return f', did you mean "{_known_metric(guess).name}"?'
    times = [f"{time}.{each}" for time in _TIMES for each in _STATISTICS]
    nearest = did_you_mean(meant, [*_UNITS, *times])
    return nearest or f". Metrics are {', '.join(_UNITS)}, and response, service or ttfb with p95, mean, min or max"


def _limit(metric: Metric, text: str) -> float:
    """The limit in the metric's unit."""
    try:
        match metric.unit:
            case "ratio":
                return parse_percent(text.removesuffix(" of asked") if metric.name == "answered" else text)
            case "ns":
                return parse_duration(text)
            case "per_s":
                return parse_rate(text).per_second
            case "count":
                return parse_count(text)
    except ValueError as error:
        raise ValueError(f"the limit of {metric.name}: {error}") from None


def _value(rule: Rule, totals: Totals) -> float | None:
    """What the rule's metric is now; `None` where nothing was measured."""
    metric, scope = rule.metric, (rule.scenario, rule.step)
    if metric.time is not None:
        if metric.quantile is None:
            return totals.mean_ns(metric.time, *scope)
        return totals.quantile_ns(metric.time, metric.quantile, *scope)
    if metric.name == "answered":
        return totals.answered_ratio(rule.scenario)
    part, whole = (totals.count(counter, *scope) for counter in _PARTS[metric.name])
    return _counted(metric, part, whole, totals.seconds_of(*scope))


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
