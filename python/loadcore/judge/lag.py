"""How much of the response times was the client's own doing: lag judged by its effect.

A response time holds the client's own delay: it sent late, or was late to read. What the same requests would have taken
without it is counted beside them, so the percentiles of both can be compared: over the whole run, and in
a run of one second as well. How late a request was sent is known exactly; how late its answer was read has a bound, so
the client added *up to* the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.judge.finding import Severity

NOTE_FROM: Final = 0.01
"""Share by which a percentile may be too high before users without pauses, who go as fast as the client lets them, get
a note."""
SUSPECT_FROM: Final = 0.03
"""Share by which a percentile may be too high before the report is headed by it."""
INVALID_FROM: Final = 0.10
"""The same before the run does not measure its target."""
FLOOR_NS: Final = 100_000
"""Delay that never counts against a client: what it takes to wake a thread that sleeps until something comes."""
INVALID_LEAST_NS: Final = 500_000
"""Delay below which a run is suspect at most. A busy or virtual machine wakes a thread some tenths of a millisecond
late, which doubles the time of a target that answers in as little, and changes nothing that anybody asks of it."""
LEAST_REQUESTS: Final = 50
"""Requests below which nothing is judged: too many of them are the first, which open connections and warm caches."""
ENOUGH_ABOVE: Final = 1
"""Requests that must lie above a percentile, so that a single slow one never decides."""
QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
"""The percentiles that are judged."""

_SHORTEST_NS = 10_000
_RULE = "lag"
_ADVICE = "leave cores to the workers: fewer other programs, more workers, or the target on another machine"
_QUICK_NS = 1_000_000
_ADVICE_IF_QUICK = (
    "times of a target this fast are exact to tenths of a millisecond here: rely on its rates, "
    "or use a machine with spare cores"
)


@dataclass(frozen=True)
class Delayed:
    """The response times of a step as they were measured, and less the client's own delay: one for each of `QUANTILES`.

    `step` is None for all steps together.
    """

    scenario: str | None
    step: str | None
    requests: int
    response_ns: tuple[int, ...]
    without_ns: tuple[int, ...]

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Which step it is."""
        return self.scenario, self.step


@dataclass(frozen=True)
class _Percentile:
    """One percentile of a step."""

    of: Delayed
    name: str
    response_ns: int
    without_ns: int

    @property
    def delay_ns(self) -> int:
        """By how much the client made it too high."""
        return self.response_ns - self.without_ns

    @property
    def excess(self) -> float:
        """By which share the client made it too high."""
        return max(self.delay_ns - FLOOR_NS, 0) / max(self.without_ns, FLOOR_NS)

    @property
    def is_spoilt(self) -> bool:
        """Whether it says nothing about the target any more."""
        return self.excess >= INVALID_FROM and self.delay_ns >= INVALID_LEAST_NS


def findings(steps: Iterable[Delayed], *, unpaced: bool = False) -> list[Finding]:
    """What the client's own delay did to the times: one finding, about the percentile that it moved most.

    Args:
        steps: The times of each step, and of all together.
        unpaced: Whether users without pauses ask for as much as the client can do.
    """
    percentiles = [each for step in steps for each in _judged(step)]
    spoilt = [each for each in percentiles if each.is_spoilt]
    worst = max(spoilt or percentiles, key=lambda each: each.excess, default=None)
    if worst is None or worst.excess < (NOTE_FROM if unpaced else SUSPECT_FROM):
        return []
    severity, limit = _severity(worst)
    others = {each.of.key for each in percentiles if each.of.step and each.excess >= limit} - {worst.of.key}
    return [
        Finding(
            subject="client",
            severity=severity,
            rule=_RULE,
            message=_message(worst, others=len(others) if worst.of.step else 0),
            advice=_ADVICE_IF_QUICK if worst.without_ns < _QUICK_NS else _ADVICE,
            value=worst.excess,
            limit=limit,
            scenario=worst.of.scenario,
            step=worst.of.step,
        )
    ]


def _severity(worst: _Percentile) -> tuple[Severity, float]:
    """How bad it is, and from which share on it is."""
    if worst.is_spoilt:
        return "invalid", INVALID_FROM
    return ("suspect", SUSPECT_FROM) if worst.excess >= SUSPECT_FROM else ("note", NOTE_FROM)


def _judged(step: Delayed) -> list[_Percentile]:
    """The percentiles that enough requests lie above."""
    if step.requests < LEAST_REQUESTS:
        return []
    return [
        _Percentile(step, name, response_ns, without_ns)
        for (name, quantile), response_ns, without_ns in zip(QUANTILES, step.response_ns, step.without_ns, strict=True)
        if round(step.requests * (1 - quantile), 6) >= ENOUGH_ABOVE
    ]


def _message(worst: _Percentile, *, others: int) -> str:
    of = f"{worst.of.step}: " if worst.of.step else ""
    added_ns = worst.response_ns - worst.without_ns
    text = (
        f"{of}{worst.name} {_duration(worst.response_ns)}, of which the client added up to {_duration(added_ns)}: "
        f"without its own delay {_duration(worst.without_ns)}"
    )
    if others:
        text += f" ({others} other step{'s are' if others > 1 else ' is'} off as much)"
    return text


def _duration(ns: int) -> str:
    """Three digits, in milliseconds or seconds."""
    if ns < _SHORTEST_NS:
        return "<0.01 ms"
    number, unit = (ns / 1e9, "s") if ns >= 1e9 else (ns / 1e6, "ms")  # noqa: PLR2004 - one second
    digits = max(0, 3 - len(str(int(number))))
    return f"{number:.{digits}f} {unit}"
