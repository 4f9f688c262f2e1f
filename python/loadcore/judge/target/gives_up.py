"""Answers of 5xx that all take the same time: a part of the target waited for that time, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import span

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts
    from loadcore.judge.target.times import Times

LEAST = 5
LEAST_SHARE = 0.01
"""Of all answers."""
LEAST_NS = 60_000_000
SAME_SHARE, SAME_NS = 0.15, 30_000_000
"""The middle 80 % lie within this share of their median, or within this time."""

BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT = 502, 503, 504
_OF_A_PROXY = (BAD_GATEWAY, GATEWAY_TIMEOUT)


def own_queue(facts: Facts) -> list[Finding]:
    """503, or another 5xx, after one and the same time, though others were answered meanwhile."""
    findings = []
    for status, times in _often(facts):
        if status in _OF_A_PROXY or not _is_one_time(times):
            continue
        waited_ns = times.quantile_ns(0.5)
        # A fault that always takes as long as an answer takes is a fault, not a queue.
        served = facts.answered - times.count
        if status != UNAVAILABLE and (not served or waited_ns < 1.5 * facts.service.quantile_ns(0.1)):
            continue
        findings.append(
            named(
                rule="own_queue",
                message=f"{status} after {span(waited_ns)}, {times.count:,} times: "
                "a queue in the target gives up at that point",
                advice="find what its requests queue for, most likely a connection pool: "
                "enlarge it, or speed up what requests wait for",
                value=waited_ns / 1e9,
            )
        )
    return findings


def gateway(facts: Facts) -> list[Finding]:
    """502 and 504: a proxy says that its upstream did not answer."""
    findings = []
    for status, times in _often(facts):
        if status not in _OF_A_PROXY:
            continue
        median_ns = times.quantile_ns(0.5)
        if status == GATEWAY_TIMEOUT:
            message = f"504 after {span(median_ns)}, {times.count:,} times: a proxy gave up on its upstream"
            advice = "check the service behind the proxy: it takes longer than the proxy's timeout"
        else:
            message = f"502 after {span(median_ns)}, {times.count:,} times: a proxy could not use its upstream"
            advice = "check the service behind the proxy: it refuses or drops connections"
        findings.append(
            named(
                rule="gateway",
                message=message,
                advice=advice,
                value=median_ns / 1e9,
            )
        )
    return findings


def _often(facts: Facts) -> list[tuple[int, Times]]:
    """The server errors that were more than a few, the most frequent first."""
    found = [
        (status, times)
        for status, times in facts.error_times.items()
        if status >= 500 and times.count >= LEAST and times.count >= LEAST_SHARE * facts.answered  # noqa: PLR2004
    ]
    return sorted(found, key=lambda entry: -entry[1].count)


def _is_one_time(times: Times) -> bool:
    low, middle, high = (times.quantile_ns(quantile) for quantile in (0.1, 0.5, 0.9))
    return middle >= LEAST_NS and high - low <= max(SAME_SHARE * middle, SAME_NS)
