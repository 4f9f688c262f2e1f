"""A worker process: one share of a plan, from orders on standard input to reports on standard output.

It outlives its supervisor by three seconds at most: the end of standard input means that the supervisor is gone. It
ignores Ctrl-C, which is the supervisor's to judge. Whatever happens to the disk or the pipe, rows and windows are
given up, never the load.

The first request waits for what is imported at the top, which `tests/e2e/test_imports.py` lists. The rest is imported
where it is needed.
"""

from __future__ import annotations

import _thread
import os
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING

from loadcore.engine import Batch, Ended, Engine, Rows, Sampled, Windows
from loadcore.machine.file_limit import raise_file_limit
from loadcore.processes import messages
from loadcore.results.file_names import requests_name
from loadcore.results.write.writer import SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from loadcore.processes.lease import Lease
    from loadcore.results.run_facts import WorkerEnd

EXIT_WITHIN_S = 2.5
"""How long a worker without a supervisor may take to seal its files."""
HEARTBEAT_S = 1.0

_EVENT_TIMEOUT_MS = 200
_READ_BYTES = 1 << 16


class Orders:
    """Reads orders in a thread of its own, so that `stop`, `interrupt` and changes of the load act at once."""

    def __init__(self, descriptor: int) -> None:
        self.orphaned = False
        """Whether the supervisor is gone."""
        self._engine: Engine | None = None
        self._stopping = self._interrupting = False
        self._lease: Lease | None = None
        self._lock = threading.Lock()
        self._descriptor = descriptor
        self._queue: queue.SimpleQueue[messages.Order | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="orders", daemon=True).start()

    def next(self) -> messages.Order | None:
        """Wait for the next order that is not acted on at once. None: there will be no more."""
        return self._queue.get()

    def attach(self, engine: Engine) -> None:
        """From now on `stop` and `interrupt` act on this engine; those that came before do so now."""
        with self._lock:
            self._engine = engine
            self._pass_on()

    def stop(self) -> None:
        """Start no more iterations."""
        self._stopping = True
        with self._lock:
            self._pass_on()

    def orphan(self) -> None:
        """The supervisor is gone: end soon, in good order if there is time for it, and at once if nothing was sent."""
        if self.orphaned:
            return
        self.orphaned = True
        if self._engine is None:
            os._exit(1)
        watchdog = threading.Timer(EXIT_WITHIN_S, os._exit, args=(1,))
        watchdog.daemon = True
        watchdog.start()
        self._interrupt()
        self._queue.put(None)

    def _renew(self, until_ns: int) -> None:
        if self._lease is None:
            from loadcore.processes.lease import Lease  # noqa: PLC0415 - on nodes only

            self._lease = Lease(self.orphan)
        self._lease.renew(until_ns)

    def _interrupt(self) -> None:
        self._interrupting = True
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._engine is None:
            return
        if self._interrupting:
            self._engine.interrupt()
        elif self._stopping:
            self._engine.stop()

    def _read(self) -> None:
        rest = b""
        # Not sys.stdin: a thread that waits in its lock would hang the interpreter's end.
        while data := os.read(self._descriptor, _READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._act(messages.decode_order(line))
        self.orphan()

    def _act(self, order: messages.Order) -> None:
        match order:
            case messages.Stop():
                self.stop()
            case messages.Interrupt():
                self._interrupt()
            case messages.Lease(until_ns):
                self._renew(until_ns)
            case messages.Change(scenario, at_ns, change):
                if self._engine is not None:  # No one changes a load before the start.
                    self._engine.order(scenario, at_ns, change)
            case _:
                self._queue.put(order)


class Reports:
    """Writes reports. When the supervisor no longer listens, they are dropped, and the worker is an orphan."""

    def __init__(self, descriptor: int, orders: Orders) -> None:
        self._descriptor = descriptor
        self._orders = orders
        # Not of `threading`, which user code may replace.
        self._lock = _thread.allocate_lock()
        self._last = time.monotonic()

    def send(self, report: messages.Report) -> None:
        """Send a report whole."""
        view = memoryview(messages.encode_report(report))
        try:
            with self._lock:
                while view.nbytes:
                    view = view[os.write(self._descriptor, view) :]
        except OSError:
            self._orders.orphan()
        self._last = time.monotonic()

    def heartbeat(self) -> None:
        """Say that the worker is there, if it printed nothing for a while."""
        if time.monotonic() - self._last >= HEARTBEAT_S:
            self.send(messages.Alive())


class RowLog:
    """The worker's rows on disk. Where not even the file can be made, that is an `OSError` before the start."""

    def __init__(self, engine: Engine, prepare: messages.Prepare, reports: Reports) -> None:
        self._reports = reports
        self._complained = False
        folder, metadata = prepare.run_dir, dict(prepare.metadata)
        self._worker = prepare.worker
        self._writer = SegmentedWriter(
            lambda segment: f"{folder}/{requests_name(prepare.worker, segment)}", lambda: engine.file_encoder(metadata)
        )
        self._writer.open()

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        self._writer.write(batch)
        if self._writer.problem is not None and not self._complained:
            self._complained = True
            self._reports.send(messages.Remark(f"rows are lost, but the load continues: {self._writer.problem}"))

    def close(self, ended: Ended, user_code: dict[str, Any] | None = None) -> WorkerEnd:
        """Seal the files; how it all ended, and what user code did."""
        from loadcore.results.run_facts import WorkerEnd  # noqa: PLC0415

        files = self._writer.close()
        return WorkerEnd(
            worker=self._worker,
            reason=ended.reason,
            error=ended.error,
            rows_dropped=ended.rows_dropped,
            started_late_ns=ended.started_late_ns,
            rows_lost=self._writer.rows_lost,
            disk_problem=self._writer.problem,
            files=tuple(files),
            user_code=user_code,
        )


def main(supervised: Callable[[], None], lifeline: int) -> int:
    """Run one share. Gives the exit code: 0 when everything was written.

    Args:
        supervised: Called once this worker sees by itself that its supervisor is gone.
        lifeline: A pipe whose other end the supervisor alone holds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = Orders(os.dup(0))
    supervised()
    signal.signal(signal.SIGTERM, lambda _number, _frame: orders.stop())
    # Reports have the pipe for themselves: what anything else prints goes to the log.
    reports = Reports(os.dup(1), orders)
    os.dup2(2, 1)
    try:
        return _run(orders, reports, lifeline)
    except Exception as problem:  # noqa: BLE001 - told to the supervisor, whatever it was
        reports.send(_trouble(problem))
    return 1


def _trouble(problem: Exception) -> messages.Trouble:
    """The problem as the supervisor gets it. A bug of loadcore is in the log as well."""
    import traceback  # noqa: PLC0415
    from dataclasses import asdict  # noqa: PLC0415

    from loadcore.errors import PlanError  # noqa: PLC0415
    from loadcore.wording.refusals import refusal  # noqa: PLC0415

    if isinstance(problem, PlanError):
        return messages.Trouble("the plan is not valid", [asdict(each) for each in problem.problems])
    refused = refusal(problem, "a worker cannot continue")
    if refused is not None:
        return messages.Trouble(str(refused), [asdict(each) for each in refused.problems])
    traceback.print_exception(problem)
    return messages.Trouble(f"{type(problem).__name__}: {problem}")


def _run(orders: Orders, reports: Reports, lifeline: int) -> int:
    prepare = orders.next()
    if prepare is None:
        return 1
    if not isinstance(prepare, messages.Prepare):
        from loadcore.errors import InternalError  # noqa: PLC0415

        raise InternalError(f"{type(prepare).__name__} before Prepare")
    raise_file_limit()
    code, program, facts = None, None, {}
    if prepare.program is not None:
        from loadcore.processes.user_code import UserCode  # noqa: PLC0415 - few runs have any

        code = UserCode(reports, prepare.worker, lifeline)
        program = code.prepare(prepare.program, prepare.share, prepare.shares)
        facts = {"program": program.facts}
    engine = Engine(prepare.plan, prepare.share, prepare.shares)
    reports.send(messages.Prepared(engine.describe().to_dict() | facts))
    if orders.next() is None:
        return 1
    log = RowLog(engine, prepare, reports)
    reports.send(messages.Armed())
    go = orders.next()
    if not isinstance(go, messages.Go):
        return 1
    orders.attach(engine)
    if code is not None and program is not None:
        return code.run(program, engine, log, go)
    engine.start(go.start_at_ns, go.wall_start_us, go.begins_ns)
    end = _drive(engine, log, reports)
    reports.send(messages.Done(end, time.monotonic_ns() - go.start_at_ns))
    return 0


def _drive(engine: Engine, log: RowLog, reports: Reports) -> WorkerEnd:
    """Hand on what the engine gives until it has ended."""
    while True:
        event = engine.next_event(_EVENT_TIMEOUT_MS)
        match event:
            case None:
                reports.heartbeat()
            case Rows(batch):
                log.write(batch)
            case Windows(batch):
                reports.send(messages.WindowBatch(batch.to_stream()))
            case Sampled(sample):
                reports.send(messages.Sampled(sample))
            case Ended():
                return log.close(event)
