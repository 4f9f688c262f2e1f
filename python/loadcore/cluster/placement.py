"""From a cluster's address to the nodes of a run: connect, compare, deal out, send what they need."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loadcore.cluster import bundle
from loadcore.cluster.agent import default_cache
from loadcore.cluster.carrying import obstacles
from loadcore.cluster.executor import ClusterExecutor
from loadcore.cluster.node import Node
from loadcore.cluster.node_facts import facts_of_this_node, misfits
from loadcore.cluster.policy import Policy
from loadcore.cluster.reach import wait_for_scheduler
from loadcore.cluster.shares import deal, numbered
from loadcore.cluster.store import require_store
from loadcore.cluster.tree import Tree
from loadcore.errors import LimitsError, Problem, RunError, UsageError
from loadcore.plan.environment import variables_of
from loadcore.processes.assignment import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadcore.cluster.link import Link
    from loadcore.processes.assignment import Assignment

ASK_WITHIN_S = 10.0
PIECE_WITHIN_S = 60.0
REACH_WITHIN_S = 10.0
LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Cluster:
    """What a user says of a cluster."""

    address: str
    certs: Path
    insecure: bool = False
    nodes: int | None = None
    """How many nodes must be there, at the least."""
    nodes_within_s: float = 60.0
    """For how long that number is waited for."""
    leave_out: Sequence[str] = ()
    """Nodes that get no share: by name or address."""
    shipped: Sequence[Path] = ()
    policy: Policy = field(default_factory=Policy)

    def problems(self) -> str | None:
        """Why this address cannot be used."""
        parts = urlsplit(self.address)
        if parts.scheme not in {"tcp", "tls"} or not parts.hostname or _port(self.address) is None:
            return f'--cluster "{self.address}" is not an address: write tls://host:8786, or tcp://127.0.0.1:8786'
        if parts.scheme == "tcp" and not self.insecure and not is_loopback(parts.hostname):
            return (
                f"--cluster {self.address} is not encrypted: whoever reaches that port can run code on every node; "
                "use tls:// (`loadcore cluster certs`), or say --no-tls"
            )
        return None


@contextmanager
def connected(cluster: Cluster) -> Iterator[ClusterPlacement]:
    """The placement of a run on this cluster, until the end of the block.

    Raises:
        UsageError: The address makes no sense.
        RunError: The cluster cannot be reached, or its nodes are not fit for a run.
    """
    if why := cluster.problems():
        raise UsageError(why)
    if cluster.policy.store is not None:
        require_store(cluster.policy.store)
    link = link_to(cluster)
    try:
        yield ClusterPlacement(link, cluster)
    finally:
        link.close()


def link_to(cluster: Cluster) -> Link:
    """The link to a Dask cluster, with an agent on each node."""
    from loadcore.cluster.certificates import Certificates  # noqa: PLC0415 - an extra
    from loadcore.cluster.installed import require_extra  # noqa: PLC0415

    require_extra()
    from loadcore.cluster.dask_link import DaskLink  # noqa: PLC0415

    certificates = Certificates.of(cluster.certs, "driver") if cluster.address.startswith("tls:") else None
    wait_for_scheduler(cluster.address, certificates, REACH_WITHIN_S)
    link = DaskLink(cluster.address, certificates)
    link.install()
    return link


class ClusterPlacement(Placement):
    """Workers on the nodes of a link.

    Args:
        link: The way to the nodes.
        cluster: What the user says of them.
    """

    def __init__(self, link: Link, cluster: Cluster) -> None:
        self._link = link
        self._cluster = cluster
        self._nodes = self._fit_nodes()
        self._counts: list[int] = []

    def workers(self, asked: int | None, *, whole: bool, users: int) -> int:
        """One for each core of each node, or as many on each as were asked for."""
        if asked is not None and (not isinstance(asked, int) or isinstance(asked, bool) or asked < 1):
            raise UsageError(f"workers must be a whole number from 1 on, not {asked!r}")
        cores = [float(node.facts["cores"] or 1) for node in self._nodes]
        self._counts = deal(cores, asked, 1 if whole else max(1, users))
        return sum(self._counts)

    def open(self, assignment: Assignment, give_up: Callable[[], None]) -> ClusterExecutor:
        """Send each node what it lacks, and make the executor."""
        plan = json.loads(assignment.plan_json)
        if self._cluster.policy.on_node_loss == "rebalance" and (why := obstacles(plan)):
            raise UsageError(
                f"--on-node-loss rebalance: {'; '.join(why)}",
                hint="choose `continue` or `abort`; rebalance carries on arrival rates, and users whose rows recycle",
            )
        used = [node for node, count in zip(self._nodes, self._counts, strict=True) if count]
        for node, workers in zip(used, numbered([count for count in self._counts if count]), strict=True):
            node.workers = workers
        secrets = self._secrets(plan, used)
        program = assignment.program or {}
        code = [Path(file) for file in program.get("files", ())]
        with bundle.pack(plan, self._cluster.shipped, code) as packed:
            for node in used:
                give_up()
                self._ship(node, packed)
        run_id = assignment.metadata["loadcore.run_id"]
        send = {"plan": assignment.plan_json, "sha256": packed.sha256, "paths": dict(packed.paths), "secrets": secrets}
        policy = self._cluster.policy
        link = self._link
        if len(used) > policy.flat_up_to:
            link = Tree(link, run_id, [node.address for node in used], policy.group)
        return ClusterExecutor(link, run_id, used, send, policy)

    def _fit_nodes(self) -> list[Node]:
        """The nodes that are there, all of which must be fit."""
        ours = facts_of_this_node(existing(default_cache()))
        addresses = self._addresses()
        self._require_left_out(addresses)
        asked = [(address, self._link.call(address, "facts", ASK_WITHIN_S)) for address in addresses]
        nodes: list[Node] = []
        problems: list[Problem] = []
        machines: dict[str, str] = {}
        for address, answer in asked:
            name = name_of_node(address, addresses)
            if self._is_left_out(address, addresses):
                continue
            try:
                facts = answer.result(ASK_WITHIN_S)
            except Exception as problem:  # noqa: BLE001 - the node's trouble, whatever it is
                problems.append(Problem(f"node {name} did not say what it is: {problem or type(problem).__name__}"))
                continue
            problems += [Problem(f"node {name} {why}") for why in misfits(ours, facts)]
            if (other := machines.setdefault(facts["machine"], name)) != name and not _is_of_this_machine(address):
                problems.append(Problem(f"nodes {other} and {name} are one machine: start one node on each"))
            nodes.append(Node(len(nodes), address, name, [], facts))
        if problems:
            raise LimitsError(problems)
        least = self._cluster.nodes or 1
        if len(nodes) < least:
            raise RunError(
                f"{self._cluster.address} has {len(nodes)} nodes, and {least} are needed",
                hint="start a node with `loadcore cluster worker ADDRESS`",
            )
        return nodes

    def _addresses(self) -> list[str]:
        """The nodes that are there, once there are as many as are needed besides those that are left out."""
        deadline = time.monotonic() + self._cluster.nodes_within_s
        while True:
            addresses = self._link.nodes()
            of_run = [address for address in addresses if not self._is_left_out(address, addresses)]
            if len(of_run) >= (self._cluster.nodes or 0) or time.monotonic() > deadline:
                return addresses
            time.sleep(LOOK_EVERY_S)

    def _is_left_out(self, address: str, addresses: Sequence[str]) -> bool:
        return address in self._cluster.leave_out or name_of_node(address, addresses) in self._cluster.leave_out

    def _require_left_out(self, addresses: Sequence[str]) -> None:
        names = [name_of_node(address, addresses) for address in addresses]
        if unknown := [each for each in self._cluster.leave_out if each not in {*names, *addresses}]:
            raise UsageError(
                f"--leave-out-node {', '.join(unknown)}: the cluster has {', '.join(names) or 'no nodes'}",
                hint="name a node as `loadcore cluster status` does",
            )

    def _secrets(self, plan: dict[str, Any], nodes: Sequence[Node]) -> dict[str, str]:
        """Values of environment variables that some node has not: they leave this machine over TLS only."""
        names = variables_of(plan)
        if not names:
            return {}
        lacking: dict[str, list[str]] = {}
        asked = [(node, self._link.call(node.address, "facts", ASK_WITHIN_S, asked=names)) for node in nodes]
        for node, answer in asked:
            for name in answer.result(ASK_WITHIN_S)["missing"]:
                lacking.setdefault(name, []).append(node.name)
        if not self._link.is_private and lacking:
            raise LimitsError(
                Problem(
                    f"node{'s' if len(on) > 1 else ''} {', '.join(on)} ha{'ve' if len(on) > 1 else 's'} no {name}",
                    hint=f"set {name} where the node starts; over tls:// loadcore sends it",
                )
                for name, on in lacking.items()
            )
        return {name: os.environ[name] for name in lacking if name in os.environ}

    def _ship(self, node: Node, packed: bundle.Bundle) -> None:
        """Send a bundle, if the node has not got it."""
        try:
            if self._link.call(node.address, "has", ASK_WITHIN_S, sha256=packed.sha256).result(ASK_WITHIN_S):
                return
            offset = 0
            pieces = [*packed.chunks()] if packed.size <= bundle.CHUNK_BYTES else packed.chunks()
            for piece in pieces:
                last = offset + len(piece) >= packed.size
                self._link.call(
                    node.address, "put", PIECE_WITHIN_S, sha256=packed.sha256, offset=offset, chunk=piece, last=last
                ).result(PIECE_WITHIN_S)
                offset += len(piece)
        except Exception as problem:
            raise RunError(f"node {node.name} could not be sent its files: {problem}") from problem


def is_loopback(host: str) -> bool:
    """Whether this is an address of the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_of_this_machine(address: str) -> bool:
    """Nodes on loopback addresses are there to try a cluster out: that they are one machine is known."""
    return is_loopback(urlsplit(address).hostname or "")


def name_of_node(address: str, addresses: Sequence[str]) -> str:
    """A node by its host, and its port where the host has several."""
    host = urlsplit(address).hostname or address
    same = [each for each in addresses if (urlsplit(each).hostname or each) == host]
    return host if len(same) == 1 else f"{host}:{_port(address)}"


def _port(address: str) -> int | None:
    try:
        return urlsplit(address).port
    except ValueError:
        return None


def existing(path: Path) -> Path:
    """A folder, or the nearest above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
