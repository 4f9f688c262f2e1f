"""Bodies that take their time: a target that writes slowly, or is slow to take what it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import span

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts, Step

LEAST_NS = 50_000_000
LEAST_SHARE = 0.5
"""Of the service time."""
FAST_BYTES_PER_S = 10e6
"""A body that comes or goes faster is simply large."""
WHOLE = 0.95
"""Share of the requests that came to a complete response: the time of one that did not is not its body's."""
BLOCKED = 0.3
"""Share of the time with something to send in which the target had no room for it."""


def slow_writer(facts: Facts) -> list[Finding]:
    """The step whose body comes slowest after its first byte."""
    slow = [
        step
        for step in facts.steps
        if step.answered and step.whole >= WHOLE and _is_slow(step.service_ns - step.ttfb_ns, step, step.bytes_received)
    ]
    if not slow:
        return []
    step = max(slow, key=lambda each: (each.service_ns - each.ttfb_ns) * each.answered)
    body_ns = step.service_ns - step.ttfb_ns
    return [
        named(
            rule="slow_writer",
            message=f"{step.name}: the body takes {span(body_ns)} after the first byte ({span(step.ttfb_ns)}), "
            f"{_speed(step.bytes_received, body_ns)}",
            advice="check how the target writes it: its buffers, what it does between writes, or the network",
            value=body_ns / 1e9,
            step=step.name,
        )
    ]


def slow_reader(facts: Facts) -> list[Finding]:
    """Requests that the target is slow to take in."""
    largest = max(facts.steps, key=lambda step: step.bytes_sent * step.answered, default=None)
    if largest is None or not largest.answered:
        return []
    sending_ns = facts.sending.quantile_ns(0.5) if facts.sending.count >= 0.5 * largest.answered else 0
    is_blocked = facts.network.blocked_ratio >= BLOCKED and largest.bytes_sent >= 64 * 1024
    taken_ns = max(sending_ns, round(facts.network.blocked_ratio * largest.service_ns) if is_blocked else 0)
    if not _is_slow(taken_ns, largest, largest.bytes_sent):
        return []
    return [
        named(
            rule="slow_reader",
            message=f"{largest.name}: the target takes {span(taken_ns)} to read the request body, "
            f"{_speed(largest.bytes_sent, taken_ns)}",
            advice="check how the target reads uploads: its buffers, what it does between reads, or the network",
            value=taken_ns / 1e9,
            step=largest.name,
        )
    ]


def _is_slow(taken_ns: float, step: Step, octets: float) -> bool:
    return (
        taken_ns >= LEAST_NS
        and taken_ns >= LEAST_SHARE * step.service_ns
        and octets / (taken_ns / 1e9) < FAST_BYTES_PER_S
    )


def _speed(octets: float, ns: float) -> str:
    per_s = octets / (ns / 1e9)
    return f"{per_s / 1e6:.1f} MB/s" if per_s >= 1e6 else f"{per_s / 1e3:.0f} kB/s"  # noqa: PLR2004 - a megabyte
