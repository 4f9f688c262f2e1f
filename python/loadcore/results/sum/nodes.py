"""The machines of a run on several: who was lost, and with what share of the load; who was the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.judge.finding import Finding
from loadcore.results.sum import absences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.health import Counted
    from loadcore.results.run_facts import RunEnd, RunStart
    from loadcore.results.sum.parts import Parts
    from loadcore.results.sum.totals import Totals

NOTED: Final = 0.03
"""Less of a run's load that is missing while a share has no node is a note."""
MOST: Final = 0.10
"""With more of it missing, the run is invalid."""


def nodes_section(start: RunStart, end: RunEnd, totals: Totals, counted: Counted) -> dict[str, Any]:
    """The sections of a run on nodes; nothing of another."""
    if not start.nodes:
        return {}
    requests = absences.requests_of_nodes(start, end, totals)
    late = {worker.worker: worker.started_late_ns or 0 for worker in end.workers if not worker.carried}
    nodes = [
        {
            "name": node["name"],
            "address": node["address"],
            "workers": node["workers"],
            "cores": node["cores"],
            "clock_bound_ns": node["clock_bound_ns"],
            "started_late_ns": max((late.get(worker, 0) for worker in node["workers"]), default=0),
            "share": len(node["workers"]) / start.workers,
            "requests": requests[node["name"]],
            "client": totals.verdict_of(number, counted),
            "lost": _lost(node, start, end, totals),
        }
        for number, node in enumerate(start.nodes)
    ]
    return {"start_skew_ns": start_skew_ns(nodes), "nodes": nodes}


def start_skew_ns(nodes: Sequence[Mapping[str, Any]]) -> int:
    """By how much the nodes may have begun apart, at the most: what they were late, and the bounds of their clocks."""
    latest = max(node["started_late_ns"] + node["clock_bound_ns"] for node in nodes)
    earliest = min(0 - node["clock_bound_ns"] for node in nodes)
    return int(latest - earliest) if len(nodes) > 1 else 0


def missing(parts: Parts) -> list[Finding]:
    """What is missing of a run whose lost nodes had others to carry on their shares."""
    found = []
    for node in parts.start.nodes:
        away = [
            each for each in absences.of(parts.start, parts.end) if each.node == node["name"] and each.by is not None
        ]
        if not away:
            continue
        share = sum(each.part for each in away)
        by = ", ".join(dict.fromkeys(str(each.by) for each in away))
        rows = absences.unused_rows(parts.start, parts.totals, [each.worker for each in away])
        unused = "".join(f"; {each}" for each in absences.unused_told(rows))
        from_s, until_s = min(each.after_ns for each in away) / 1e9, max(each.until_ns for each in away) / 1e9
        found.append(
            Finding(
                subject="results",
                severity="invalid" if share > MOST else "suspect" if share > NOTED else "note",
                rule="node_lost",
                message=f"node {node['name']} was lost after {from_s:.1f} s ({away[0].reason}): {share:.1%} of the "
                f"run's load is missing, until {by} carried on its share from {until_s:.1f} s on{unused}",
                advice="run it again, or for longer",
                value=share,
                limit=MOST if share > MOST else NOTED,
                first_s=int(from_s),
                last_s=int(until_s),
            )
        )
    return found


def _lost(node: Mapping[str, Any], start: RunStart, end: RunEnd, totals: Totals) -> dict[str, Any] | None:
    """When and why a node was lost, and what is missing because of it; None if it was not."""
    away = [each for each in absences.of(start, end) if each.node == node["name"]]
    if not away:
        return None
    carried = [each for each in away if each.by is not None]
    return {
        "after_s": min(each.after_ns for each in away) / 1e9,
        "reason": away[0].reason,
        "share": len(away) / start.workers,
        "missing_share": sum(each.part for each in away),
        "carried_on": {
            "from_s": max(each.until_ns for each in carried) / 1e9,
            "by": list(dict.fromkeys(str(each.by) for each in carried)),
        }
        if carried
        else None,
        "unused_rows": absences.unused_rows(start, totals, [each.worker for each in away]),
    }
