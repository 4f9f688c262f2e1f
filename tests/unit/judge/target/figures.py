"""Figures of runs against servers whose law is known, as the rules get them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from loadcore.judge.target import find
from loadcore.judge.target.facts import Facts, Second, Step
from loadcore.judge.target.times import Times

MS = 1_000_000


def rules(facts: Facts) -> list[str]:
    """The rules that speak, in order."""
    return [finding.rule for finding in find(facts)]


def spread(low_ms: float, high_ms: float, count: int) -> Times:
    """Times that lie evenly between two."""
    return Times.of(*(MS * (low_ms + (high_ms - low_ms) * place / max(count - 1, 1)) for place in range(count)))


def second(number: int, times: Times, **fields: Any) -> Second:
    """A second whose requests all were answered with 200."""
    given: dict[str, Any] = {
        "answered": times.count,
        "in_flight": times.mean_ns * times.count / 1e9,
        "statuses": {200: times.count},
        "ended": times.count,
    }
    given |= fields
    statuses = given["statuses"]
    beside = {status: given["answered"] - count for status, count in statuses.items() if status >= 400}
    return Second(second=number, times=times, **({"beside": beside} | given))


def steady(times: Times, seconds: int = 8, **fields: Any) -> Facts:
    """A run that does the same in each second."""
    due = {"due": times.count} if fields.get("is_open") else {}
    total = Times(tuple((ns, count * seconds) for ns, count in times.counted))
    step = Step(name="GET /", answered=total.count, service_ns=times.quantile_ns(0.5), ttfb_ns=times.quantile_ns(0.5))
    given: dict[str, Any] = {
        "seconds": [second(number, times, **due) for number in range(seconds)],
        "statuses": Counter({200: total.count}),
        "service": total,
        "steps": [step],
    }
    return Facts(**(given | fields))
