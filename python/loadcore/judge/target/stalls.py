"""Periods in which the target sent no responses at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import moments, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

LEAST_NS = 250_000_000
LONGER_THAN_USUAL = 5
"""Times the median service time: users in step leave gaps as long as an answer takes."""
MISSED = 10
"""Answers that would have come in it at the usual rate."""
CLIENT_SHARE = 0.3
"""A gap is the client's if it stood still itself for this share of it."""

Gap = tuple[int, int]


def stalls(facts: Facts) -> list[Finding]:
    """How long there was no response, how often, and when."""
    usual_ns = facts.service.quantile_ns(0.5)
    rate = _usual_rate(facts)
    found = [
        gap
        for gap in together(facts.gaps)
        if gap[1] - gap[0] >= max(LEAST_NS, LONGER_THAN_USUAL * usual_ns)
        and rate * (gap[1] - gap[0]) / 1e9 >= MISSED
        and not _is_of_client(facts, gap)
    ]
    if not found:
        return []
    longest_ns = max(to_ns - from_ns for from_ns, to_ns in found)
    times = f"{len(found)} times" if len(found) > 1 else "once"
    up_to = "up to " if len(found) > 1 else ""
    return [
        named(
            rule="stalls",
            message=f"no responses at all for {up_to}{span(longest_ns)}, {times}, "
            f"at {moments(from_ns / 1e9 for from_ns, _ in found)}",
            advice="check what it did at that time: garbage collection, a lock, a checkpoint, a failover, a quota",
            value=longest_ns / 1e9,
            seconds=(int(found[0][0] / 1e9), int(found[-1][1] / 1e9)),
        )
    ]


def together(gaps: Sequence[Sequence[Gap]]) -> list[Gap]:
    """The times that are gaps of every worker."""
    if not gaps:
        return []
    common = sorted(gaps[0])
    for others in gaps[1:]:
        overlaps = [
            (max(from_ns, other_from_ns), min(to_ns, other_to_ns))
            for from_ns, to_ns in common
            for other_from_ns, other_to_ns in others
        ]
        common = sorted(gap for gap in overlaps if gap[0] < gap[1])
    return common


def _usual_rate(facts: Facts) -> float:
    """Answers per second, over all of them: a stall makes it less, so that this errs on the quiet side."""
    return sum(each.answered for each in facts.seconds) / len(facts.seconds) if facts.seconds else 0.0


def _is_of_client(facts: Facts, gap: Gap) -> bool:
    first, last = int(gap[0] / 1e9), int(gap[1] / 1e9) + 1
    stood_ns = max((each.client_stalled_ns for each in facts.seconds if first <= each.second <= last), default=0)
    return stood_ns >= CLIENT_SHARE * (gap[1] - gap[0])
