"""Whether a run's numbers are what they seem: that they add up, that arrivals came as planned, that it was steady."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loadcore.judge import drift, littles_law
from loadcore.results.sum import sends
from loadcore.results.sum.nodes import missing

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.results.run_facts import RunStart
    from loadcore.results.sum.batches import Batches
    from loadcore.results.sum.parts import Parts
    from loadcore.results.sum.spans import SteadySpan
    from loadcore.results.sum.tally import Tally

_NS: Final = 1_000_000_000


def findings(parts: Parts, whole: Tally, span: SteadySpan, batches: Batches) -> list[Finding]:
    """What the rules found that look at the whole of a run."""
    found = littles_law.findings(_flights(parts))
    if parts.folder is not None:
        changed = {order.scenario for order in parts.totals.orders}
        found += sends.findings(parts.folder, parts.start, whole, changed)
    found += missing(parts)
    if _is_constant(parts.start) and not parts.totals.orders:
        found += drift.findings(batches.medians.between(-(-span.start_ns // _NS), span.end_ns // _NS))
    return found


def _flights(parts: Parts) -> list[littles_law.Flights]:
    """Of the workers that came to their end. What was in flight is unknown if the run was killed."""
    if parts.end.truncated:
        return []
    ended = {worker.worker for worker in parts.end.workers if not worker.lost and not worker.carried}
    return [
        littles_law.Flights(worker.worker, worker.in_flight_ns, worker.flights_ns)
        for worker in parts.totals.workers.values()
        if worker.worker in ended
    ]


def _is_constant(start: RunStart) -> bool:
    """Whether the plan asks for the same load throughout the measured part."""
    ends = set()
    for info in start.description.scenarios:
        load = start.loads.get(info.name, {})
        if load.get("kind") not in {"users", "arrival_rate"} or info.planned_end_ns is None:
            return False
        if info.planned_end_ns - load["duration_ns"] > (start.warm_up_ns or 0):
            return False
        ends.add(info.planned_end_ns)
    return len(ends) == 1
