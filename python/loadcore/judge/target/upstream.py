"""The target's upstreams, by what its responses say about their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import span

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts, Hint, Step

LEAST_SHARE = 0.5
"""Of the time to the first byte."""
MOST_SHARE = 1.2
SLOW_NS = 100_000_000
"""Below this an upstream is named only where something is wrong."""
LEAST = 3
"""Responses that say it."""

_WHOLE = frozenset({"total", "app", "request", "response", "server", "handler", "process", "processing", "rtt", "edge"})
"""Metrics of `Server-Timing` that by custom hold the whole of it, and no part."""


def upstream(facts: Facts) -> list[Finding]:
    """The step that waits the longest for an upstream."""
    found = [(step, hint) for step in facts.steps if (hint := _largest(step)) is not None]
    found = [entry for entry in found if facts.is_wrong or entry[1].mean_ns >= SLOW_NS]
    if not found:
        return []
    step, hint = max(found, key=lambda entry: entry[1].mean_ns * entry[0].answered)
    return [
        named(
            rule="upstream",
            message=f"{step.name} waits for an upstream: {hint.name} says {span(hint.mean_ns)} of {span(hint.ttfb_ns)}",
            advice="check the service behind the target: most of the time is spent there",
            value=hint.mean_ns / hint.ttfb_ns,
            limit=LEAST_SHARE,
            step=step.name,
        )
    ]


def _largest(step: Step) -> Hint | None:
    """The part of its time that takes the most of it."""
    parts = [hint for hint in step.hints if hint.name.rpartition(" ")[2].lower() not in _WHOLE]
    largest = max(parts, key=lambda hint: hint.mean_ns, default=None)
    if largest is None or largest.count < LEAST or largest.mean_ns < LEAST_SHARE * largest.ttfb_ns:
        return None
    if largest.mean_ns > MOST_SHARE * largest.ttfb_ns:
        return None  # Longer than the answer took: it counts something else, or in another unit.
    return largest
