"""The executor of a cluster: workers on nodes, heard and ordered through their agents.

The driver renews each node's lease once a second. A node that is silent is late after 3 s and lost after 10 s; it is
then never asked again, and what it still says is not counted. Nothing is repeated.
"""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from loadcore.cluster import carrying
from loadcore.cluster.clocks import PINGS, UNSURE_NS, offset_to
from loadcore.cluster.collecting import collect
from loadcore.cluster.tunnel import Exit
from loadcore.engine import Description
from loadcore.errors import LimitsError, Problem, RunError
from loadcore.processes import messages
from loadcore.processes.executor import CarriedOn, Executor, NodeNews, NodeSecond
from loadcore.processes.worker_handle import Gone
from loadcore.results.schema import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from loadcore.cluster.link import Link
    from loadcore.cluster.node import Node
    from loadcore.cluster.policy import Policy
    from loadcore.machine.client_limits import Needs
    from loadcore.results.run_facts import WorkerEnd
    from loadcore.results.run_folder import RunFolder

CALL_WITHIN_S = 5.0
"""What a quick question to a node may take."""
MEASURED_AT_ONCE = 16
_NS = 1_000_000_000


class ClusterExecutor(Executor):
    """The workers of a run on nodes.

    Args:
        link: The way to the nodes.
        run_id: The run's id.
        nodes: The nodes with their workers.
        send: What `prepare` sends besides the orders: `plan`, `sha256`, `paths`, `secrets`.
        policy: What the loss of a node does, and when one counts as lost.
    """

    is_here = False

    def __init__(self, link: Link, run_id: str, nodes: Sequence[Node], send: Mapping[str, Any], policy: Policy) -> None:
        super().__init__(worker for node in nodes for worker in node.workers)
        self._link = link
        self._run_id = run_id
        self._nodes = {node.address: node for node in nodes}
        self._node_of = {worker: node for node in nodes for worker in node.workers}
        self._send = send
        self._policy = policy
        self._connections: dict[int, int] = {}
        if policy.on_node_loss == "rebalance":
            self.fixed_because = "with --on-node-loss rebalance the load cannot be changed while the run lasts"
        self._orders: dict[int, dict[str, Any]] = {}
        self._exit: Exit | None = None
        self._end_ns: int | None = None
        self._closed = threading.Event()
        self._go: messages.Go | None = None
        self._stopping = False
        self._changed = False
        """Whether the load was changed while it ran: then a share cannot be carried on exactly."""
        self._lock = threading.RLock()
        for node in nodes:
            node.heard = time.monotonic()
            node.left = set(node.workers)

    def open(self) -> None:
        """Begin to hear the nodes, and to renew their leases."""
        self._link.listen(self._heard_of, self._left)
        threading.Thread(target=self._keep, name="leases", daemon=True).start()

    def close(self) -> None:
        """End what still runs, on every node that is there."""
        self._closed.set()
        if self._exit is not None:
            self._exit.close()
        asked = [self._call(node, "forget", run=self._run_id) for node in self._alive()]
        for answer in asked:
            _wait(answer, CALL_WITHIN_S)
        self._link.end_run()

    def nodes(self) -> list[dict[str, Any]]:
        """What is known of each node."""
        return [
            {
                "name": node.name,
                "address": node.address,
                "workers": node.workers,
                "cores": node.facts.get("cores"),
                "memory_bytes": node.facts.get("memory_bytes"),
                "clock_bound_ns": node.offset.bound_ns,
            }
            for node in self._nodes.values()
        ]

    def prepare(
        self, orders: Callable[[int], messages.Prepare], give_up: Callable[[], None], within_s: float
    ) -> list[messages.Prepared]:
        """Hand out the shares and wait until all workers are ready."""
        asked = []
        for node in self._nodes.values():
            # The plan is sent once for each node, not for each worker.
            for worker in node.workers:
                self._open_way(orders(worker).program)
                order = orders(worker)._asdict() | {"plan": "", "run_dir": ""}
                self._orders[worker] = order | {"metadata": dict(order["metadata"])}
            orders_here = [self._orders[worker] for worker in node.workers]
            lease_s = self._policy.lease_s
            call = self._call(
                node, "prepare", within_s, run=self._run_id, orders=orders_here, lease_s=lease_s, **self._send
            )
            asked.append((node, call))
        for node, call in asked:
            self._need(node, call, within_s)
        prepared = self._gather(messages.Prepared, give_up, within_s)
        for worker, answer in zip(self._all, prepared, strict=True):
            description = Description.from_dict(answer.description)
            self._connections[worker] = description.connections
            self._end_ns = description.planned_end_ns
        return prepared

    def _open_way(self, program: Mapping[str, Any] | None) -> None:
        """Let users' code on nodes reach the port of this machine that it needs."""
        if self._exit is None and program is not None and "reaches" in program:

            def send(node: str, connection: int, content: bytes) -> None:
                arguments = {"run": self._run_id, "connection": connection, "content": content}
                self._link.call(node, "tunnel", CALL_WITHIN_S, **arguments).result(CALL_WITHIN_S)

            self._exit = Exit(program["arguments"][program["reaches"]], send)

    def arm(self, give_up: Callable[[], None], within_s: float) -> None:
        """Check the limits of each node, wait until all workers could start at once, and measure the clocks."""
        problems: list[Problem] = []
        asked = []
        for node in self._nodes.values():
            held = [self._connections[worker] for worker in node.workers]
            asked.append((node, self._call(node, "arm", within_s, run=self._run_id, connections=held)))
        for node, call in asked:
            found = self._need(node, call, within_s)
            problems += [Problem(f"node {node.name}: {each['message']}", hint=each["hint"]) for each in found]
        if problems:
            raise LimitsError(problems)
        self._gather(messages.Armed, give_up, within_s)
        with ThreadPoolExecutor(MEASURED_AT_ONCE) as pool:
            list(pool.map(self._measure, self._nodes.values()))
        worst_ns = max(node.offset.bound_ns for node in self._nodes.values())
        # Twenty round trips of the slowest node: the order must be there before the start.
        self.lead_s = max(self._policy.lead_s, 40 * worst_ns / _NS)

    def _measure(self, node: Node) -> None:
        def ask() -> int:
            return int(self._need(node, self._call(node, "clock"), CALL_WITHIN_S))

        node.offset = offset_to(ask, PINGS)
        if node.offset.bound_ns > UNSURE_NS:
            bound_ms = node.offset.bound_ns / 1e6
            self._say(node, f"node {node.name}: its clock is known to {bound_ms:.0f} ms only; the network is slow")

    def go(self, order: messages.Go) -> None:
        """Start all together, each by its own clock."""
        self._go = order
        # Until the start they have nothing to say.
        self._heard = dict.fromkeys(self._all, order.start_at_ns / _NS)
        for node in self._alive():
            node.heard = max(node.heard, order.start_at_ns / _NS)
            at_ns = order.start_at_ns + node.offset.ns
            call = self._call(
                node,
                "go",
                run=self._run_id,
                start_at_ns=at_ns,
                wall_start_us=order.wall_start_us,
                lease_until_ns=self._lease_of(node),
            )
            call.add_done_callback(partial(self._started_on, node))

    def _lease_of(self, node: Node) -> int:
        """A new lease, as a moment of the node's clock."""
        start_s = 0.0 if self._go is None else self._go.start_at_ns / _NS
        node.lease_until_s = max(time.monotonic(), start_s) + self._policy.lease_s
        return int(node.lease_until_s * _NS) + node.offset.ns

    def _started_on(self, node: Node, answer: Future[int]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            self._lose(node, f"it did not take the order to start: {answer.exception()}")
        elif (late_ns := -answer.result()) > 0:
            self._say(node, f"node {node.name} started {late_ns / 1e6:.0f} ms late")

    def require_room(
        self, connections: int, rates: Mapping[str, float], needs: Callable[[Sequence[int]], Needs]
    ) -> None:
        """Refuse a change of the load that a node has no room for. It is asked, since only it knows its limits."""
        del needs
        asked = []
        for node in self._alive():
            held = [connections] * len(node.left)
            asked.append((node, self._call(node, "room", run=self._run_id, connections=held, rates=dict(rates))))
        problems: list[Problem] = []
        for node, call in asked:
            try:
                found = call.result(CALL_WITHIN_S)
            except Exception as problem:  # noqa: BLE001 - whatever it was, its limits are not known
                found = [{"message": f"it does not say what it carries: {_said(problem)}", "hint": None}]
            problems += [Problem(f"node {node.name}: {each['message']}", hint=each["hint"]) for each in found]
        if problems:
            raise LimitsError(problems)

    def change(self, order: messages.Change) -> None:
        """Have all change the load. A node that does not take the order would offer another load than the others."""
        self._changed = True
        for node in self._alive():
            call = self._call(node, "change", run=self._run_id, order=order._asdict())
            call.add_done_callback(partial(self._changed_on, node))

    def _changed_on(self, node: Node, answer: Future[int]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            self._lose(node, f"it did not take a change of the load: {answer.exception()}")
        elif (late_ns := -answer.result()) > 0:
            self._say(node, f"node {node.name} changed its load {late_ns / 1e6:.0f} ms late")

    def stop(self) -> None:
        """Have all start no more iterations."""
        self._stopping = True
        for node in self._alive():
            self._call(node, "stop", run=self._run_id)

    def interrupt(self) -> None:
        """Have all stop now."""
        self._stopping = True
        for node in self._alive():
            self._call(node, "interrupt", run=self._run_id)

    def kill(self, workers: Sequence[int]) -> None:
        """End processes, whatever they do. Those of a node that does not answer count as gone."""
        for node in self._alive():
            if here := [worker for worker in workers if worker in node.left]:
                answer = self._call(node, "kill", run=self._run_id, workers=here)
                if not _wait(answer, CALL_WITHIN_S):
                    self._lose(node, "it did not answer")

    def collect(self, ends: Mapping[int, WorkerEnd], folder: RunFolder) -> dict[int, WorkerEnd]:
        """Bring the rows of all nodes into the run's folder, or to the store that was asked for."""
        return collect(self._link, self._run_id, self._node_of, ends, folder, self._policy.store)

    def name_of(self, worker: int) -> str:
        """A worker in words, with its node."""
        return f"worker {worker} on node {self._node_of[worker].name}"

    def _names_of(self, workers: Iterable[int]) -> list[str]:
        """The nodes on which code of the user's failed."""
        return [f"node {name}" for name in dict.fromkeys(self._node_of[each].name for each in sorted(workers))]

    def _remedy(self, trouble: messages.Trouble) -> str | None:
        """A file or a module that is here may be missing there."""
        if trouble.message.startswith("FileNotFoundError"):
            return "files that code opens by itself travel with --ship PATH, and are beside the code on each node"
        return trouble.hint

    def lost(self) -> list[Node]:
        """The nodes that were lost."""
        return [node for node in self._nodes.values() if node.lost is not None]

    def _alive(self) -> list[Node]:
        return [node for node in self._nodes.values() if node.lost is None]

    def _call(self, node: Node, verb: str, timeout_s: float = CALL_WITHIN_S, **arguments: Any) -> Future[Any]:  # noqa: ANN401
        return self._link.call(node.address, verb, timeout_s, **arguments)

    def _need(self, node: Node, answer: Future[Any], within_s: float) -> Any:  # noqa: ANN401
        """What a node answers; there is no run without it."""
        try:
            return answer.result(within_s)
        except Exception as problem:
            raise RunError(f"node {node.name} ({node.address}) failed before the start: {_said(problem)}") from problem

    def _say(self, node: Node, text: str, *, counts_missing: bool = False) -> None:
        self._queue.put((MACHINE - node.number, NodeNews(text, counts_missing)))

    def _heard_of(self, address: str, said: dict[str, Any]) -> None:
        """What the agent of a node says."""
        node = self._nodes.get(address)
        if node is None or said.get("run") != self._run_id:
            return
        with self._lock:
            if node.lost is not None or said["sequence"] <= node.sequence:
                return
            if missed := said["sequence"] - node.sequence - 1:
                text = f"{missed} messages of node {node.name} did not arrive: some of its counts are missing"
                self._say(node, text, counts_missing=True)
            node.sequence = said["sequence"]
            node.heard = time.monotonic()
            if node.is_late:
                node.is_late = False
                self._say(node, f"node {node.name} is back")
            for worker, kind, content in said["said"]:
                self._take(node, worker, kind, bytes(content))
            for second, values in said.get("host", ()):
                self._queue.put((MACHINE - node.number, NodeSecond(node.number, second, values)))
            if said.get("state") == "lease-expired":
                self._lose(node, "its lease ended: it had heard nothing from this machine")

    def _take(self, node: Node, worker: int, kind: str, content: bytes) -> None:
        if kind == "tunnel":
            # What stands for the worker is the connection.
            if self._exit is not None:
                self._exit.deliver(node.address, worker, content)
            return
        if kind == "gone":
            report: Any = Gone(content.decode(errors="replace"))
        else:
            report = messages.read_report(io.BytesIO(content).read)
        if isinstance(report, Gone | messages.Done):
            node.left.discard(worker)
        self._queue.put((worker, report))

    def _left(self, address: str, reason: str) -> None:
        """A node is gone, or all of them."""
        for node in [self._nodes[address]] if address in self._nodes else [] if address else list(self._alive()):
            self._lose(node, reason)

    def _lose(self, node: Node, reason: str) -> None:
        with self._lock:
            if node.lost is not None:
                return
            node.lost = reason
            if not node.left or self._closed.is_set():
                return
            left = sorted(node.left)
            node.left.clear()
            why = self._policy.after_loss(self._share_lost()) if self._go is not None else None
            as_planned = not self._stopping and not self._changed
            if why is None and self._policy.on_node_loss == "rebalance" and self._go is not None and as_planned:
                self._carry_on(node, left, reason, self._go)
            else:
                self._give_up(node, left, reason)
        if why is not None:
            self._say(node, f"stopping: {why}")
            self.stop()

    def _give_up(self, node: Node, workers: Sequence[int], reason: str) -> None:
        for worker in workers:
            self._queue.put((worker, Gone(f"node {node.name} was lost: {reason}")))

    def _carry_on(self, node: Node, workers: list[int], reason: str, go: messages.Go) -> None:
        """Have other nodes carry on the shares of a lost one, once its lease has ended."""
        begins_ns = carrying.begins_ns(
            time.monotonic(),
            go.start_at_ns / _NS,
            node.lease_until_s,
            self._policy.workers_end_within_s,
            self._policy.carry_lead_s,
        )
        others = {each.name: each for each in self._alive()}
        if not others or (self._end_ns is not None and begins_ns >= self._end_ns):
            self._give_up(node, workers, reason)
            return
        loads = {name: (len(each.left), float(each.facts.get("cores") or 1)) for name, each in others.items()}
        for name, dealt in carrying.carriers(workers, loads).items():
            carrier = others[name]
            for worker in dealt:
                self._queue.put((worker, CarriedOn(begins_ns, node.name, reason, name)))
                self._node_of[worker] = carrier
            carrier.left.update(dealt)
            call = self._call(
                carrier,
                "carry_on",
                run=self._run_id,
                orders=[self._orders[worker] for worker in dealt],
                connections=[self._connections[worker] for worker in sorted(carrier.left)],
                start_at_ns=go.start_at_ns + carrier.offset.ns,
                wall_start_us=go.wall_start_us,
                begins_ns=begins_ns,
            )
            call.add_done_callback(partial(self._carried_on, carrier, dealt))

    def _carried_on(self, carrier: Node, workers: Sequence[int], answer: Future[None]) -> None:
        """Whether a node has taken the order. If it is not certain, its workers end: their load is not counted."""
        if not answer.cancelled() and answer.exception() is None:
            return
        with self._lock:
            left = [worker for worker in workers if worker in carrier.left]
            carrier.left.difference_update(left)
        self._call(carrier, "kill", run=self._run_id, workers=left)
        for worker in left:
            self._queue.put((worker, Gone(f"node {carrier.name} did not carry it on: {answer.exception()}")))

    def _share_lost(self) -> float:
        return sum(len(node.workers) for node in self.lost()) / len(self._all)

    def _keep(self) -> None:
        """Renew each lease once a second, and notice who is silent."""
        asked: dict[str, Future[Any]] = {}
        while not self._closed.wait(self._policy.renew_s):
            now = time.monotonic()
            for node in self._alive():
                # One call for each node, never a second one beside it.
                if node.address not in asked or asked[node.address].done():
                    until_ns = None if self._go is None else self._lease_of(node)
                    asked[node.address] = self._call(node, "renew", run=self._run_id, until_ns=until_ns)
                silent_s = now - node.heard
                if not node.left or self._go is None:
                    continue
                if silent_s > self._policy.lost_after_s:
                    self._lose(node, f"it had sent nothing for {silent_s:.0f} s")
                elif silent_s > self._policy.late_after_s and not node.is_late:
                    node.is_late = True
                    self._say(node, f"node {node.name} is late: it has sent nothing for {silent_s:.0f} s")


def _said(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__


def _wait(answer: Future[Any], within_s: float) -> bool:
    try:
        answer.result(within_s)
    except Exception:  # noqa: BLE001 - whatever it was, the node did not do it
        return False
    return True
