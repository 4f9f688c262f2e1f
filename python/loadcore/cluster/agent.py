"""The agent of a node: does what a driver asks for, whatever carries the questions.

It knows no engine of clusters. Each verb takes JSON types and bytes, and gives back the same.
"""

from __future__ import annotations

import json
import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.cluster import bundle
from loadcore.cluster.node_facts import facts_of_this_node
from loadcore.cluster.node_run import NodeRun
from loadcore.cluster.relay import Gathering, Member, Peers, pass_on
from loadcore.errors import LimitsError, LoadcoreError
from loadcore.machine import client_limits
from loadcore.machine.file_limit import raise_file_limit
from loadcore.machine.needs import needs
from loadcore.plan.plan import Plan
from loadcore.processes import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.machine.client_limits import Needs


_EVER_S = 1e9


class StaleRun(LoadcoreError):  # noqa: N818 - reads as what happened
    """The node does not work on this run, or does not any more."""


def default_cache() -> Path:
    """Where bundles and rows are kept on a node."""
    base = os.environ.get("LOADCORE_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "loadcore" / f"node-{os.getuid()}"


def make_cache(cache: Path) -> None:
    """Make that folder, for this user alone: data files may hold passwords."""
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)


class NodeAgent:
    """Answers a driver. Any thread may call `answer`; runs are one after another.

    Args:
        say: Sends a message to the driver.
        cache: Where bundles and rows are kept.
        address: This node's, as its driver knows it.
        peers: The way to other nodes.
    """

    def __init__(
        self, say: Callable[[dict[str, Any]], None], cache: Path, address: str = "", peers: Peers | None = None
    ) -> None:
        self._say = say
        self._peers = peers or Peers()
        self._member = Member(address, say, self._peers, self.do_gather)
        self._gathering: Gathering | None = None
        self._cache = cache
        make_cache(cache)
        self._lock = threading.RLock()
        self._gather_lock = threading.Lock()
        self._run: NodeRun | None = None
        self._refused: set[str] = set()
        """Runs that have ended here: what still comes for them does nothing."""

    def answer(self, verb: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON types
        """Do what a verb says."""
        return getattr(self, f"do_{verb}")(**arguments)

    def do_clock(self) -> int:
        """The monotonic clock, in ns."""
        return time.monotonic_ns()

    def do_facts(self, asked: Sequence[str] = ()) -> dict[str, Any]:
        """What this node says of itself."""
        run = self._run
        busy = run.run_id if run is not None and not run.is_over else None
        return facts_of_this_node(self._cache, busy, asked)._asdict()

    def do_has(self, sha256: str) -> bool:
        """Whether a bundle is here."""
        return self._bundle(sha256).is_dir()

    def do_put(self, sha256: str, offset: int, chunk: bytes, last: bool) -> None:  # noqa: FBT001 - one of a message
        """Take a piece of a bundle."""
        with self._lock:
            tar = self._bundle(sha256).with_suffix(".part")
            tar.parent.mkdir(parents=True, exist_ok=True)
            with tar.open("wb" if offset == 0 else "r+b") as file:
                file.seek(offset)
                file.write(chunk)
            if last:
                found = bundle.sha256_of(tar)
                if found != sha256:
                    tar.unlink()
                    raise LoadcoreError("the bundle arrived damaged")
                bundle.unpack(tar, self._bundle(sha256))
                tar.unlink()

    def do_prepare(
        self,
        run: str,
        plan: str,
        orders: Sequence[dict[str, Any]],
        sha256: str,
        paths: Mapping[str, str],
        lease_s: float,
        secrets: Mapping[str, str],
    ) -> None:
        """Start the workers of a run and hand them their shares."""
        with self._lock:
            if self._run is not None and not self._run.is_over:
                raise LoadcoreError(f"the node works on the run {self._run.run_id}")
            if run in self._refused:
                raise StaleRun(f"the run {run} has ended on this node")
            folder = self._bundle(sha256)
            document = json.loads(plan)
            for part in ("feeders", "scripts"):
                if part in document:
                    document[part] = bundle.rewritten(document[part], paths, folder)
            self._rewritten = partial(bundle.rewritten, paths=paths, folder=folder)
            plan = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            self._plan = Plan(document)
            self._shares = max((int(order["shares"]) for order in orders), default=1)
            if self._run is not None:  # Its driver is gone, so no one will ask for its rows.
                self._run.forget()
            self._run = NodeRun(run, self._cache / "runs" / f"{run}-{os.getpid()}", lease_s, self._member.say)
            self._rows = {"plan": plan, "run_dir": str(self._run.folder)}
            self._run.begin([self._order(order) for order in orders], secrets)

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order with the files and the ports of this node."""
        found: dict[str, Any] = self._rewritten(order) | self._rows
        program = found.get("program") or {}
        if "reaches" in program and self._run is not None:
            here = {program["reaches"]: self._run.entrance()}
            found["program"] = program | {"arguments": program["arguments"] | here}
        return found

    def do_tunnel(self, run: str, connection: int, content: bytes) -> None:
        """Bytes from the port of the driver's machine that users' code reaches."""
        self._of(run).deliver(connection, content)

    def do_carry_on(
        self,
        run: str,
        orders: Sequence[dict[str, Any]],
        connections: Sequence[int],
        start_at_ns: int,
        wall_start_us: int,
        begins_ns: int,
    ) -> None:
        """Start workers that carry on shares of a node that was lost, from a moment after the start on."""
        with self._lock:
            of_run = self._of(run)
            if time.monotonic_ns() > start_at_ns + begins_ns:
                raise StaleRun("the order came too late")
            raise_file_limit()
            client_limits.require(self._needs(connections))
            go = messages.Go(start_at_ns, wall_start_us, begins_ns)
            of_run.carry_on([self._order(order) for order in orders], go)

    def do_arm(self, run: str, connections: Sequence[int]) -> list[dict[str, Any]]:
        """Check this machine's limits, and have everything opened. Gives the limits that are too low."""
        raise_file_limit()
        problems = self.do_room(run, connections, {})
        if not problems:
            self._of(run).arm()
        return problems

    def do_room(self, run: str, connections: Sequence[int], rates: Mapping[str, float]) -> list[dict[str, Any]]:
        """Check this machine's limits. Gives those that are too low.

        Args:
            run: The run's id.
            connections: How many each worker here would hold.
            rates: By scenario rates that take the place of the planned ones.
        """
        self._of(run)
        try:
            client_limits.require(self._needs(connections, rates))
        except LimitsError as refused:
            return [{"message": each.message, "hint": each.hint} for each in refused.problems]
        return []

    def _needs(self, connections: Sequence[int], rates: Mapping[str, float] | None = None) -> Needs:
        """What workers here need, which have their share of the load and no more."""
        return needs(self._plan, connections, rates=rates, share=min(1.0, len(connections) / self._shares))

    def do_go(self, run: str, start_at_ns: int, wall_start_us: int, lease_until_ns: int) -> int:
        """Start at a moment of this node's clock."""
        return self._of(run).go(start_at_ns, wall_start_us, lease_until_ns)

    def do_change(self, run: str, order: Mapping[str, Any]) -> int:
        """Change the load. Gives how many ns before it holds the order was there."""
        return self._of(run).change(messages.Change(**order))

    def do_stop(self, run: str) -> None:
        """Start no more iterations."""
        self._of(run).stop()

    def do_interrupt(self, run: str) -> None:
        """Stop now."""
        self._of(run).interrupt()

    def do_kill(self, run: str, workers: Sequence[int]) -> None:
        """End workers at once."""
        self._of(run).kill(workers)

    def do_renew(self, run: str, until_ns: int | None = None, seen: int = 0) -> int:
        """The driver is there, and has all messages up to this number. Gives the clock, so that its drift is seen."""
        self._of(run).renew(until_ns)
        self._member.acknowledge(run, seen)
        return time.monotonic_ns()

    def do_follow(self, run: str, leader: str | None, seen: int) -> None:
        """What this node says goes to the leader of its group: see `relay`."""
        self._member.follow(run, leader, seen)

    def do_gather(self, run: str, node: str, said: dict[str, Any]) -> None:
        """Take what a member of the group says, as its leader."""
        with self._gather_lock:
            if self._gathering is None or self._gathering.run != run:
                self._of(run)
                self._gathering = Gathering(run, self._say)
            self._gathering.add(node, said)

    def do_pass_on(self, run: str, calls: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Ask members of the group what the driver asks of them: `node`, `verb`, `arguments` of each."""
        self._of(run)
        return pass_on(calls, self._peers)

    def do_read(self, run: str, name: str, offset: int) -> bytes:
        """A piece of a file of a run."""
        path = self._of(run).folder / Path(name).name
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(bundle.CHUNK_BYTES)

    def do_store(self, run: str, name: str, uri: str) -> None:
        """Copy a file of a run to a store."""
        from loadcore.cluster.store import copy_to  # noqa: PLC0415 - imports pyarrow

        copy_to(uri, self._of(run).folder / Path(name).name)

    def do_forget(self, run: str) -> None:
        """End a run, and remove its files."""
        self._refused.add(run)
        self._end_gathering()
        with self._lock:
            if self._run is None or self._run.run_id != run:
                return
            self._run.forget()
            self._run = None

    def without_workers(self, run: str) -> Member:
        """Take part in a run as a node that has no workers. Gives the way to the driver; for what measures that way."""
        self._run = NodeRun(run, self._cache, _EVER_S, self._member.say)
        return self._member

    def close(self) -> None:
        """This node leaves the cluster."""
        self._end_gathering()
        if self._run is not None:
            self._run.close()

    def _end_gathering(self) -> None:
        with self._gather_lock:
            gathering, self._gathering = self._gathering, None
        if gathering is not None:
            gathering.close()

    def _of(self, run: str) -> NodeRun:
        if self._run is None or self._run.run_id != run:
            raise StaleRun(f"this node does not work on the run {run}")
        return self._run

    def _bundle(self, sha256: str) -> Path:
        if not sha256.isalnum():
            raise LoadcoreError("not a hash")
        return self._cache / "bundles" / sha256
