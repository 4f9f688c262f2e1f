"""The table of the machines that a run on several had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.report import numbers
from loadcore.report.html.sentences import sentence
from loadcore.report.html.table import Cell, Column, Table
from loadcore.report.text import absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.report.html.history import History

_COLUMNS: Final = (
    Column("Node", is_number=False),
    Column("Workers"),
    Column("Requests", hint="Recorded on this node, whosever share they were"),
    Column("Share", hint="Of the load, as planned"),
    Column("Health", is_number=False, hint="How the node did as a client"),
    Column("Started late", hint="How long after the moment of the start its last worker began"),
    Column("Clock bound", hint="By how much its clock may differ from what was measured"),
    Column("Lost", is_number=False),
)
_HEALTH: Final = {"healthy": ("healthy", ""), "suspect": ("suspect", ""), "client_limited": ("it was the limit", "bad")}


def nodes(history: History) -> Table | None:
    """Each node with its share, how it did, and whether it was lost; None for a run on one machine."""
    summary = history.summary
    found = summary.get("nodes", ())
    if not found:
        return None
    notes = [f"the nodes began at most {numbers.duration(summary.get('start_skew_ns', 0))} apart"]
    missing = sum(scenario.get("missing_iterations", 0) for scenario in summary["load"]["scenarios"])
    if missing:
        notes.append(f"{numbers.count(missing)} iterations of lost nodes are missing")
    notes += [
        f"node {node['name']} was lost ({node['lost']['reason']}): {'; '.join(absent(node['lost']))}"
        for node in found
        if node["lost"]
    ]
    return Table(
        "nodes",
        "Every node and its share of the load",
        _COLUMNS,
        [_cells(each) for each in found],
        [sentence(each) for each in notes],
    )


def _cells(node: Mapping[str, Any]) -> list[Cell]:
    health, role = _HEALTH[node["client"]]
    # Workers say it when they end; those of a lost node did not.
    late = None if node["lost"] and not node["started_late_ns"] else node["started_late_ns"]
    return [
        Cell(node["name"], beside=node["address"]),
        Cell(numbers.count(len(node["workers"])), sort=len(node["workers"])),
        Cell(numbers.count(node["requests"]), sort=node["requests"]),
        Cell(numbers.percent(node["share"]), sort=node["share"]),
        Cell(health, role=role),
        Cell(numbers.duration(late), sort=late or 0),
        Cell(f"±{numbers.duration(node['clock_bound_ns'])}", sort=node["clock_bound_ns"]),
        _lost(node["lost"]),
    ]


def _lost(lost: Mapping[str, Any] | None) -> Cell:
    """When it was lost, and who carried on."""
    if lost is None:
        return Cell("no")
    when = "yes" if lost["after_s"] is None else f"after {lost['after_s']:.1f} s"
    carried = lost["carried_on"]
    beside = f"carried on by {', '.join(carried['by'])} from {carried['from_s']:.1f} s" if carried else ""
    return Cell(when, beside=beside, role="bad")
