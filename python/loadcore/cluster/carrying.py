"""Which node carries on a lost node's share, from when, and which plans allow that.

A share is carried on by a worker of the same number on another node. It leaves to the lost worker all that is due
before a moment at which that one has ended for certain, because its lease has: so nothing is sent twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARGIN_S = 0.5
"""What clocks may drift apart between two measurements, and more."""
_NS = 1_000_000_000
_RATES = frozenset({"arrival_rate", "arrival_stages"})
_USERS = frozenset({"users", "user_stages"})
_DEALT = frozenset({"sequential", "shuffled"})


def obstacles(plan: Mapping[str, Any]) -> list[str]:
    """Why shares of a plan cannot be carried on exactly; empty if they can."""
    found = []
    feeders = {feeder["name"]: feeder for feeder in plan["feeders"]}
    for scenario in plan["scenarios"]:
        name, kind = scenario["name"], scenario["load"]["kind"]
        if kind not in _RATES | _USERS:
            what = "counts iterations" if kind == "iterations" else "decides its own load"
            found.append(f"{name} {what}, and how much of that a lost node had done is not known")
        used = [feeders[each] for each in scenario.get("feeders", ())] if kind in _USERS else []
        found += [
            f"{name} uses each row of {feeder['name']} once, and which ones a lost node used is not known"
            for feeder in used
            if feeder["order"] in _DEALT and feeder["at_end"] != "recycle"
        ]
    return found


def begins_ns(now_s: float, start_s: float, lease_until_s: float, end_within_s: float, lead_s: float) -> int:
    """From when on a share is carried on, in ns since the start: at a full second.

    Args:
        now_s: The monotonic clock.
        start_s: When the run started, on it.
        lease_until_s: Until when the lost node's lease lasts at the most.
        end_within_s: What its workers may take to end after that.
        lead_s: What the other node needs to be ready.
    """
    from_s = max(now_s + lead_s, lease_until_s + end_within_s + MARGIN_S)
    return math.ceil(from_s - start_s) * _NS


def carriers(workers: Sequence[int], loads: Mapping[str, tuple[int, float]]) -> dict[str, list[int]]:
    """Which node gets which of the lost workers: each the one with the fewest workers for each core by then.

    Args:
        workers: The lost ones.
        loads: By node: the workers that it has, and its cores.
    """
    counts = {node: count for node, (count, _) in loads.items()}
    found: dict[str, list[int]] = {}
    for worker in workers:
        node = min(counts, key=lambda each: ((counts[each] + 1) / (loads[each][1] or 1), each))
        counts[node] += 1
        found.setdefault(node, []).append(worker)
    return found
