"""What is compared of runs: metrics by the names that thresholds have, and their values in a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import UsageError
from loadcore.judge.comparing.change import MOST_JUDGED, Metric
from loadcore.wording.suggestions import did_you_mean
from loadcore.wording.units import parse_percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMES: Final = ("response", "service", "ttfb")
_LEAST: Final = {"p50": 0.05, "p90": 0.05, "p95": 0.1, "p99": 0.1, "p999": 0.1, "mean": 0.05}

METRICS: Final[Mapping[str, Metric]] = {
    each.name: each
    for each in (
        *(Metric(f"{time}.{name}", "ns", least) for time in _TIMES for name, least in _LEAST.items()),
        Metric("errors.rate", "ratio", 0.01, is_relative=False),
        Metric("throughput", "per_s", 0.05, more_is_better=True),
        Metric("client.cpu", "ns", 0.05),
    )
}
"""All metrics by name. `client.cpu` is the CPU time that the client spent on a request."""

JUDGED: Final = ("response.p50", "response.p99", "errors.rate", "throughput")
"""What decides, unless others are named."""
SHOWN: Final = ("response.p95", "client.cpu")
"""What is shown besides."""


def named(names: Sequence[str], least: str | None = None) -> list[Metric]:
    """The metrics that decide.

    Args:
        names: Each by its name, or as `response.p99=20%` with the smallest change that counts; empty for the default.
        least: The smallest change that counts, of those that do not say.

    Raises:
        UsageError: A metric is unknown, or there are too many.
    """
    if len(names) > MOST_JUDGED:
        hint = "each further metric makes changes of the others harder to find"
        raise UsageError(f"{len(names)} metrics are too many: at most {MOST_JUDGED} are judged", hint=hint)
    found = [_named(name, least) for name in names or JUDGED]
    twice = {each.name for each in found if [other.name for other in found].count(each.name) > 1}
    if twice:
        raise UsageError(f"{', '.join(sorted(twice))}: named twice")
    return found


def _named(text: str, least: str | None) -> Metric:
    name, _, own = text.partition("=")
    known = METRICS.get(name.strip())
    if known is None:
        hint = f"known are {', '.join(METRICS)}"
        raise UsageError(f'unknown metric "{name}"{did_you_mean(name, METRICS)}', hint=hint)
    size = own.strip() or least
    if not size:
        return known
    try:
        share = parse_percent(size)
    except ValueError as problem:
        raise UsageError(f"{f'--metric {name}' if own else '--min-effect'}: {problem}") from None
    if not share:
        raise UsageError(f"{name}: a change of 0% is always there; name the smallest that matters")
    return Metric(known.name, known.unit, share, known.is_relative, known.more_is_better)


def value(metric: Metric, summary: Mapping[str, Any], step: Mapping[str, Any] | None = None) -> float | None:
    """The metric in a run, or in one of its steps; None where nothing was measured, or a ratio to it means nothing."""
    found = _value(metric.name, summary, summary["all"] if step is None else step)
    return None if found is None or (metric.is_relative and found <= 0) else float(found)


def _value(name: str, summary: Mapping[str, Any], step: Mapping[str, Any]) -> float | None:
    match name.split("."):
        case ["errors", "rate"]:
            return step["error_rate"]  # type: ignore[no-any-return]
        case ["throughput"]:
            return step["requests_per_s"]  # type: ignore[no-any-return]
        case ["client", "cpu"]:
            sent = summary["load"]["requests"]["sent_total"]
            used = sum(each["process_cpu_s"] for each in summary["client"]["workers"])
            return 1e9 * used / sent if sent else None
        case [time, part]:
            return step[time][f"{part}_ns"]  # type: ignore[no-any-return]
    return None


def interval(metric: Metric, summary: Mapping[str, Any]) -> tuple[float | None, float | None] | None:
    """The 95 % interval that a run has of a percentile, of its own requests; None where it has none."""
    time, _, part = metric.name.partition(".")
    found = ((summary["all"][time].get("intervals") or {}) if time in _TIMES else {}).get(part)
    return None if found is None or found["low_ns"] is None else (found["low_ns"], found["high_ns"])
