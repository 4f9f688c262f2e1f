"""The nodes of a cluster, as `loadcore cluster status` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.cluster.agent import default_cache
from loadcore.cluster.clocks import offset_to
from loadcore.cluster.node_facts import facts_of_this_node, misfits
from loadcore.cluster.placement import ASK_WITHIN_S, existing, name_of_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.cluster.link import Link

PINGS = 5


def standing(link: Link) -> list[dict[str, Any]]:
    """Each node with what it says of itself, how well its clock is known, and what keeps it from a run."""
    ours = facts_of_this_node(existing(default_cache()))
    addresses = link.nodes()
    return [_node(link, address, name_of_node(address, addresses), ours) for address in addresses]


def _node(link: Link, address: str, name: str, ours: Any) -> dict[str, Any]:  # noqa: ANN401 - NodeFacts
    node: dict[str, Any] = {"name": name, "address": address, "problems": []}
    try:
        facts = link.call(address, "facts", ASK_WITHIN_S).result(ASK_WITHIN_S)
        offset = offset_to(lambda: link.call(address, "clock", ASK_WITHIN_S).result(ASK_WITHIN_S), PINGS)
    except Exception as problem:  # noqa: BLE001 - the node's trouble, whatever it is
        return node | {"problems": [f"does not answer: {problem or type(problem).__name__}"]}
    return {**node, **facts, "clock_bound_ns": offset.bound_ns, "problems": misfits(ours, facts)}


def table(nodes: Sequence[dict[str, Any]]) -> str:
    """The same for people."""
    if not nodes:
        return "no nodes: start one with `loadcore cluster worker ADDRESS`"
    width = max(len(node["name"]) for node in nodes)
    lines = []
    for node in nodes:
        known = ""
        if "cores" in node:
            memory = f"{node['memory_bytes'] / 2**30:.1f} GiB" if node.get("memory_bytes") else "unknown memory"
            known = (
                f"{node['cores']:g} cores, {memory}, loadcore {node['loadcore']}, Python {node['python']}, "
                f"clock to {node['clock_bound_ns'] / 1e6:.2f} ms"
            )
        lines.append(f"{node['name']:{width}}  {'; '.join(node['problems']) or 'ready'}  {known}".rstrip())
    return "\n".join(lines)
