"""What changes of the load make of a run's plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.plan.orders import effective_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.engine import ScenarioInfo
    from loadcore.plan.orders import Order
    from loadcore.results.run_facts import RunStart


def as_ordered(start: RunStart, orders: Sequence[Order]) -> RunStart:
    """The run's start as if its plan had asked for what was ordered: its iterations and its digest."""
    if not orders:
        return start
    scenarios = tuple(_ordered(info, orders) for info in start.description.scenarios)
    return replace(
        start,
        description=start.description._replace(scenarios=scenarios),
        comparable_sha256=effective_digest(start.comparable_sha256 or start.plan_sha256, orders),
    )


def _ordered(info: ScenarioInfo, orders: Sequence[Order]) -> ScenarioInfo:
    # How many arrivals there are depends on when the rate changed: those that were due are counted.
    changed = info.model == "open" and any(order.scenario == info.name for order in orders)
    return info._replace(planned_iterations=None) if changed else info
