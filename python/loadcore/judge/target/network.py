"""The network between: segments that were sent again, and round trips that are most of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import span

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

RESENT = 0.01
LEAST_RESENT = 10
RTT_SHARE = 0.5
"""Of the median time to the first byte."""
LEAST_RTT_NS = 2_000_000


def network(facts: Facts) -> list[Finding]:
    """Loss first, since it costs more than distance."""
    seen = facts.network
    findings = []
    if seen.resent >= LEAST_RESENT and seen.resent >= RESENT * seen.segments:
        findings.append(
            named(
                rule="retransmits",
                message=f"{seen.resent / seen.segments:.1%} of the segments were sent again ({seen.resent:,})",
                advice="check the network for loss: a queue that drops, a policer, a full link",
                value=seen.resent / seen.segments,
                limit=RESENT,
            )
        )
    steps = [step for step in facts.steps if step.answered]
    usual = max(steps, key=lambda step: step.answered, default=None)
    if usual is not None and seen.rtt_ns >= max(LEAST_RTT_NS, RTT_SHARE * usual.ttfb_ns):
        findings.append(
            named(
                rule="round_trip",
                message=f"{usual.name}: the network's round trip is {span(seen.rtt_ns)} of {span(usual.ttfb_ns)} "
                "to the first byte",
                advice="test from closer to the target, or accept the distance as part of the result",
                value=seen.rtt_ns / 1e9,
                step=usual.name,
            )
        )
    return findings
