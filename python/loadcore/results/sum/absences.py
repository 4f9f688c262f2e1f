"""Times in which a share of a run had no node: what was not sent then, and which rows were not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.engine import ScenarioInfo
    from loadcore.results.run_facts import RunEnd, RunStart
    from loadcore.results.sum.totals import Totals


class Absence(NamedTuple):
    """A worker's share without a node, because that was lost."""

    worker: int
    node: str
    reason: str
    after_ns: int
    until_ns: int
    by: str | None
    """The node that carried it on; None: none did."""
    part: float
    """Of the run's load: what is missing."""


def of(start: RunStart, end: RunEnd) -> list[Absence]:
    """All of a run, in the order of the workers."""
    planned_ns = start.description.planned_end_ns
    length_ns = max(1, end.ended_ns if planned_ns is None or end.ended_ns < planned_ns else planned_ns)
    found: list[Absence] = []

    def add(worker: int, node: str, reason: str, after_ns: int, until_ns: int, by: str | None) -> None:
        until_ns = max(after_ns, min(until_ns, length_ns))
        part = (until_ns - after_ns) / length_ns / start.workers
        found.append(Absence(worker, node, reason, after_ns, until_ns, by, part))

    names = {worker: node["name"] for node in start.nodes for worker in node["workers"]}
    for worker in end.workers:
        at = names.get(worker.worker)
        for each in worker.carried:
            add(worker.worker, each.node, each.reason, each.after_ns, each.begins_ns, each.by)
            at = each.by
        because = f"node {at} was lost: "
        if at is not None and worker.lost and (worker.error or "").startswith(because):
            after_ns = length_ns if worker.lost_after_ns is None else worker.lost_after_ns
            reason = (worker.error or "").removeprefix(because)
            add(worker.worker, at, reason, after_ns, length_ns, None)
    return found


def requests_of_nodes(start: RunStart, end: RunEnd, totals: Totals) -> dict[str, int]:
    """What each node has recorded, whosever share it was."""
    counts = {node["name"]: 0 for node in start.nodes}
    carried = {worker.worker: worker.carried for worker in end.workers}
    for node in start.nodes:
        for worker in node["workers"]:
            name, before = node["name"], 0
            for each in carried.get(worker, ()):
                counts[name] += each.requests - before
                name, before = each.by, each.requests
            counts[name] += totals.requests_of(worker) - before
    return counts


def missing_iterations(start: RunStart, end: RunEnd, info: ScenarioInfo, due: int) -> dict[str, int]:
    """Arrivals that were never due because a share had no node; nothing where the plan does not count them."""
    ended_early = end.signal or end.aborted_by or end.aborted_because or end.truncated
    if info.model == "closed" or info.planned_iterations is None or ended_early or not of(start, end):
        return {}
    return {"missing_iterations": max(0, info.planned_iterations - due)}


def unused_rows(start: RunStart, totals: Totals, workers: Sequence[int]) -> dict[str, int]:
    """By feeder: rows of these workers' shares that no iteration began with."""
    found = {}
    for feeder in start.description.feeders:
        unused = 0
        for worker in workers:
            whole, rest = divmod(feeder.rows, start.workers)
            rows = whole + (rest > worker)
            unused += max(0, rows - totals.started_of(worker, feeder.scenarios))
        found[feeder.name] = unused
    return found


def told(start: RunStart, end: RunEnd, totals: Totals) -> dict[str, str]:
    """What is missing for good because nodes were lost, in words, by what their workers say of it."""
    away = {each.worker: each for each in of(start, end) if each.by is None}
    by_cause: dict[str, list[int]] = {}
    for worker in end.workers:
        if worker.worker in away and worker.error:
            by_cause.setdefault(worker.error, []).append(worker.worker)
    return {
        cause: "; ".join(
            (
                f"{sum(away[worker].part for worker in workers):.1%} of the run's load was not sent",
                *unused_told(unused_rows(start, totals, workers)),
            )
        )
        for cause, workers in by_cause.items()
    }


def unused_told(unused: Mapping[str, int]) -> list[str]:
    """Rows that no iteration began with, in words, by feeder."""
    return [f"{rows:,} row{'s' if rows > 1 else ''} of {feeder} unused" for feeder, rows in unused.items() if rows]
