"""The machines of a run on several: who was lost, and with what share of the load; who was the limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadcore.judge.finding import Finding
    from loadcore.judge.health import Counted
    from loadcore.results.run_facts import RunEnd, RunStart
    from loadcore.results.sum.totals import Totals

_WORST = {"invalid": "client_limited", "suspect": "suspect", "note": "healthy"}


def of_node(name: str, findings: Iterable[Finding]) -> list[Finding]:
    """What the rules found of one node, with its name."""
    return [
        replace(found, message=f"node {name}: {found.message}", advice=f"{found.advice}, or leave the node out")
        if found.severity != "note"
        else replace(found, message=f"node {name}: {found.message}")
        for found in findings
    ]


def nodes_section(start: RunStart, end: RunEnd, totals: Totals, counted: Counted) -> list[dict[str, Any]]:
    """Each node with its share, its requests, how it did as a client, and when it was lost."""
    return [
        {
            "name": node["name"],
            "address": node["address"],
            "workers": node["workers"],
            "cores": node["cores"],
            "clock_bound_ns": node["clock_bound_ns"],
            "share": len(node["workers"]) / start.workers,
            "requests": sum(totals.requests_of(worker) for worker in node["workers"]),
            "client": totals.verdict_of(number, counted),
            "lost": _lost(node, start, end),
        }
        for number, node in enumerate(start.nodes)
    ]


def _lost(node: Mapping[str, Any], start: RunStart, end: RunEnd) -> dict[str, Any] | None:
    """When and why a node was lost, and the share of the load that is missing from then on; None if it was not."""
    because = f"node {node['name']} was lost: "
    lost = [
        worker
        for worker in end.workers
        if worker.lost and worker.worker in node["workers"] and (worker.error or "").startswith(because)
    ]
    if not lost:
        return None
    after_ns = [worker.lost_after_ns for worker in lost if worker.lost_after_ns is not None]
    return {
        "after_s": min(after_ns) / 1e9 if after_ns else None,
        "reason": (lost[0].error or "").removeprefix(because),
        "share": len(lost) / start.workers,
    }


def worst_of(findings: Sequence[Finding]) -> str:
    """How a client did, by the worst of what was found."""
    found = {finding.severity for finding in findings}
    return next((word for severity, word in _WORST.items() if severity in found), "healthy")
