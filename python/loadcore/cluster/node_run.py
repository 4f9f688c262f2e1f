"""One run on one node: its workers, what they say, and the lease without which they end.

Workers are the processes that a run on one machine has. What they report leaves in batches: at once where something
waits for it, else five times a second.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from loadcore.cluster.policy import WORKERS_END_WITHIN_S
from loadcore.cluster.tunnel import Entrance
from loadcore.machine.host_watch import HostWatch
from loadcore.processes import messages
from loadcore.processes.worker_handle import Gone, WorkerProcess
from loadcore.results.run_folder import RunFolder
from loadcore.wording.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GATHER_S = 0.2
"""How long windows wait for those of other workers."""
_NS = 1_000_000_000
_CAN_WAIT = (messages.WindowBatch, messages.Alive, messages.Sampled)


class NodeRun:
    """A run on this node.

    Args:
        run_id: The run's id.
        folder: Where its rows are written to.
        lease_s: For how long it continues without a word from the driver.
        say: Sends a batch to the driver.
    """

    def __init__(self, run_id: str, folder: Path, lease_s: float, say: Callable[[dict[str, Any]], None]) -> None:
        self.run_id = run_id
        self.folder = folder
        self.is_over = False
        """Whether nothing of it works any more, and no one will ask for its rows."""
        self._lease_s = lease_s
        self._say = say
        self._lease_until_ns = time.monotonic_ns() + int(lease_s * _NS)
        self._leased: list[WorkerProcess] = []
        """Workers that have their order to start: they end by themselves, should this process hang."""
        self._environment: Mapping[str, str] = {}
        self._entrance: Entrance | None = None
        self._expired: float | None = None
        self._handles: dict[int, WorkerProcess] = {}
        self._pending: list[tuple[int, str, bytes]] = []
        self._urgent = threading.Event()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sequence = 0
        self._start_at_ns: int | None = None
        self._changed: set[tuple[int, int]] = set()
        self._host: HostWatch | None = None
        self._second = 0
        self._gone = 0

    def begin(self, orders: Sequence[dict[str, Any]], secrets: Mapping[str, str]) -> None:
        """Start the workers and hand them their orders. One that cannot be started is reported as gone.

        Args:
            orders: One for each worker.
            secrets: Environment variables that this node lacks: only these workers have them, and no later run.
        """
        threading.Thread(target=self._send, name="node-run", daemon=True).start()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._environment = secrets
        for handle, prepare in self._start(orders):
            threading.Thread(target=handle.prepare, args=(prepare,), daemon=True).start()

    def entrance(self) -> int:
        """A port on this node that leads to one of the driver's machine."""
        if self._entrance is None:
            self._entrance = Entrance(lambda connection, content: self._put(connection, "tunnel", content))
        return self._entrance.port

    def deliver(self, connection: int, content: bytes) -> None:
        """Bytes from that port of the driver's machine."""
        if self._entrance is not None:
            self._entrance.deliver(connection, content)

    def carry_on(self, orders: Sequence[dict[str, Any]], go: messages.Go) -> None:
        """Start workers that carry on shares of another node."""
        for handle, prepare in self._start(orders):
            threading.Thread(target=self._begin_late, args=(handle, prepare, go), daemon=True).start()

    def _begin_late(self, handle: WorkerProcess, prepare: messages.Prepare, go: messages.Go) -> None:
        handle.prepare(prepare)
        handle.arm()
        handle.go(go)
        self._lease(handle)

    def _start(self, orders: Sequence[dict[str, Any]]) -> list[tuple[WorkerProcess, messages.Prepare]]:
        """Start a worker for each order. One that cannot be started is reported as gone."""
        run_folder = RunFolder(self.folder)
        started = []
        for order in orders:
            worker = order["worker"]
            try:
                handle = WorkerProcess(
                    worker,
                    run_folder.log(worker),
                    with_site=order.get("program") is not None,
                    environment=self._environment,
                )
            except OSError as problem:
                refused = refusal(problem, f"worker {worker} could not be started")
                self._put(worker, "gone", str(refused or problem).encode())
                continue
            self._handles[worker] = handle
            threading.Thread(target=self._relay, args=(worker, handle), name="reports", daemon=True).start()
            started.append((handle, messages.Prepare(**order)))
        return started

    def _lease(self, handle: WorkerProcess) -> None:
        self._leased.append(handle)
        handle.lease(messages.Lease(self._lease_until_ns))

    def arm(self) -> None:
        """Have everything opened that is needed to start."""
        for handle in self._handles.values():
            handle.arm()

    def go(self, start_at_ns: int, wall_start_us: int, lease_until_ns: int) -> int:
        """Start at a moment of this node's monotonic clock. Gives how many ns before it the order was there."""
        left_ns = start_at_ns - time.monotonic_ns()
        if self._start_at_ns is not None:  # The order came before, another way.
            return left_ns
        self._lease_until_ns = lease_until_ns
        for handle in self._handles.values():
            handle.go(messages.Go(start_at_ns, wall_start_us))
            self._lease(handle)
        self._host = HostWatch([handle.pid for handle in self._handles.values()])
        self._start_at_ns = start_at_ns
        return left_ns

    def change(self, order: messages.Change) -> int:
        """Have all change the load. Gives how many ns before it holds the order was there."""
        if (order.scenario, order.at_ns) not in self._changed:  # Else it came before, another way.
            self._changed.add((order.scenario, order.at_ns))
            for handle in self._handles.values():
                handle.change(order)
        return order.at_ns - (time.monotonic_ns() - (self._start_at_ns or 0))

    def stop(self) -> None:
        """Have all start no more iterations."""
        for handle in self._handles.values():
            handle.stop()

    def interrupt(self) -> None:
        """Have all stop now."""
        for handle in self._handles.values():
            handle.interrupt()

    def kill(self, workers: Sequence[int]) -> None:
        """End these workers at once."""
        for worker in workers:
            if worker in self._handles:
                self._handles[worker].close()

    def renew(self, until_ns: int | None) -> None:
        """The driver is there.

        Args:
            until_ns: Until when the lease lasts, on this node's clock: a message that was long on its way renews no
                lease that another node waits for to end. None before the start, when that clock is not known yet.
        """
        if until_ns is None:
            if self._start_at_ns is None:
                self._lease_until_ns = time.monotonic_ns() + int(self._lease_s * _NS)
            return
        self._lease_until_ns = max(self._lease_until_ns, until_ns)
        for handle in list(self._leased):
            handle.lease(messages.Lease(self._lease_until_ns))

    def close(self) -> None:
        """End everything at once; the files stay."""
        self._closed.set()
        self._urgent.set()
        if self._entrance is not None:
            self._entrance.close()
        for handle in self._handles.values():
            handle.close()
        self.is_over = True

    def forget(self) -> None:
        """End everything, and remove the files."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _relay(self, worker: int, handle: WorkerProcess) -> None:
        for report in handle.reports():
            if isinstance(report, Gone):
                # A node that leaves takes its workers along. Its driver is to hear of the node, and not of them.
                if self._closed.is_set():
                    return
                self._put(worker, "gone", report.reason.encode())
                with self._lock:
                    self._gone += 1
            else:
                self._put(worker, "report", messages.encode_report(report), urgent=not isinstance(report, _CAN_WAIT))

    def _put(self, worker: int, kind: str, content: bytes, *, urgent: bool = True) -> None:
        with self._lock:
            self._pending.append((worker, kind, content))
        if urgent:
            self._urgent.set()

    def _send(self) -> None:
        """Send what there is, and at least once a second that this node is there."""
        last = 0.0
        while not self._closed.is_set():
            self._urgent.wait(GATHER_S)
            self._urgent.clear()
            self._mind_the_lease()
            with self._lock:
                batch, self._pending = self._pending, []
            seconds = self._host_seconds()
            if not batch and not seconds and time.monotonic() - last < 1.0:
                continue
            last = time.monotonic()
            self._sequence += 1
            state = "lease-expired" if self._expired is not None else "works"
            message = {"run": self.run_id, "sequence": self._sequence, "state": state, "said": batch}
            with contextlib.suppress(Exception):  # The driver, or the way to it, is gone: the lease will tell.
                self._say(message | {"host": seconds})

    def _host_seconds(self) -> list[tuple[int, dict[str, int]]]:
        """What happened on this machine in the second that has just ended, if one has."""
        if self._host is None or self._start_at_ns is None:
            return []
        second = (time.monotonic_ns() - self._start_at_ns) // _NS
        if second <= self._second:
            return []
        ended, self._second = self._second, second
        seen = self._host.look()
        return [] if seen is None else [(ended, seen)]

    def _mind_the_lease(self) -> None:
        now = time.monotonic()
        if self._expired is None:
            if time.monotonic_ns() > self._lease_until_ns:
                self._expired = now
                self.interrupt()
        elif not self.is_over and self._gone >= len(self._handles):
            self.is_over = True
        elif not self.is_over and now - self._expired > WORKERS_END_WITHIN_S:
            self.kill(list(self._handles))
            self.is_over = True
