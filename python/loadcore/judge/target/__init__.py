"""The target's part in a run: rules that name what limited it, each with a figure, seconds and a remedy.

They never change an exit code. Where several speak, what explains most comes first, and what it explains is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.accept_queue import accept_queue
from loadcore.judge.target.bodies import slow_reader, slow_writer
from loadcore.judge.target.concurrency import concurrency
from loadcore.judge.target.cpu import cpu
from loadcore.judge.target.descriptors import descriptors
from loadcore.judge.target.gives_up import gateway, own_queue
from loadcore.judge.target.hidden import hidden
from loadcore.judge.target.network import network
from loadcore.judge.target.rate_limit import rate_limit, shedding
from loadcore.judge.target.stalls import stalls
from loadcore.judge.target.upstream import upstream

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

_RULES = (
    rate_limit,
    shedding,
    own_queue,
    gateway,
    descriptors,
    accept_queue,
    cpu,
    slow_writer,
    slow_reader,
    stalls,
    upstream,
    concurrency,
    network,
    hidden,
)
"""What explains most first."""

WHATEVER_THE_CLIENT_DID = frozenset(
    {"rate_limit", "shedding", "own_queue", "gateway", "target_descriptors", "accept_queue", "stalls"}
)
"""Rules that hold even if the client was the bottleneck: the target or its kernel reported it, or the times are far
longer than the client's share, which is subtracted."""

_EXPLAINED: dict[str, frozenset[str]] = {
    "rate_limit": frozenset({"concurrency"}),
    "shedding": frozenset({"concurrency", "own_queue"}),
    "own_queue": frozenset({"concurrency"}),
    "gateway": frozenset({"concurrency", "upstream"}),
    "target_descriptors": frozenset({"accept_queue", "concurrency", "retransmits", "server_cpu", "stalls"}),
    "new_connections": frozenset({"concurrency", "retransmits", "stalls"}),
    "accept_queue": frozenset({"concurrency", "retransmits", "new_connections", "stalls"}),
    "server_cpu": frozenset({"concurrency", "stalls"}),
    "slow_writer": frozenset({"concurrency", "round_trip"}),
    "slow_reader": frozenset({"concurrency", "upstream", "round_trip", "retransmits"}),
    "stalls": frozenset({"concurrency"}),
}
"""Rules whose findings another one explains."""


def find(facts: Facts) -> list[Finding]:
    """What limited the target, the one that explains most first; empty where nothing did."""
    found = [finding for rule in _RULES for finding in rule(facts)]
    rules = {finding.rule for finding in found}
    explained = {name for rule in rules for name in _EXPLAINED.get(rule, ())}
    named = rules - {"not_visible"}
    return [
        finding
        for finding in found
        if finding.rule not in explained and not (finding.rule == "not_visible" and _is_settled(named))
    ]


def _is_settled(rules: set[str]) -> bool:
    """Whether the target itself said what limits it: then its CPU would add nothing."""
    return bool(rules - {"concurrency", "upstream", "retransmits", "round_trip"})
