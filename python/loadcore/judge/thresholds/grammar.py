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

import re
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

from loadcore.judge.thresholds.rule import DEFAULT, OPERATORS, Metric, Rule, Time, Unit
from loadcore.scenario.threshold import Threshold
from loadcore.wording.suggestions import did_you_mean
from loadcore.wording.units import parse_count, parse_duration, parse_percent, parse_rate

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


def parse(threshold: str | Threshold) -> Rule:
    """The rule that a threshold states; its scope is not resolved yet.

    Raises:
        ValueError: It is none; the message says what to write.
    """
    declared = Threshold(threshold) if isinstance(threshold, str) else threshold
    if not isinstance(declared, Threshold) or not isinstance(declared.expression, str):
        raise ValueError(f'{threshold!r} is not a threshold: write it as "{DEFAULT}"')  # noqa: TRY004 - one kind of error for callers
    expression = " ".join(declared.expression.split())
    # Step names hold colons and spaces of their own; metric, operator and limit never do.
    match = re.fullmatch(
        r"(?:(?P<scope>.+): ?)?(?P<metric>[A-Za-z_.0-9/()]+) ?(?P<operator>[<>=!]+) ?(?P<limit>[^:]+)", expression
    )
    if match is None:
        raise ValueError(f'"{expression}" is not a threshold: write it as "{DEFAULT}" or "login: service.p99 < 1s"')
    metric = _metric(match["metric"])
    if match["operator"] not in OPERATORS:
        raise ValueError(f'"{match["operator"]}" in "{expression}" is not a comparison: use <, <=, > or >=')
    if match["operator"] == "==" and metric.unit != "count":
        raise ValueError(f'"{expression}": only counts can be compared with ==')
    return Rule(
        expression=expression,
        metric=metric,
        operator=match["operator"],
        limit=_limit(metric, match["limit"]),
        scope=match["scope"],
        abort_after_ns=None if declared.abort_after is None else parse_duration(declared.abort_after),
    )


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
        raise ValueError(f'"{name}": a percentile is between p0 and p100; use min or max for the ends')
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
