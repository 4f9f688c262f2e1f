"""The supervisor: opens the sockets, starts the workers, replaces dead ones, drains and stops.

Signals: SIGTERM and SIGINT drain and stop (a second one hurries), SIGHUP replaces the workers one after another,
SIGTTIN adds a worker and SIGTTOU takes one away.

Each worker listens on a socket of its own, so that the kernel spreads connections evenly, which one shared socket does
not. The supervisor keeps the sockets open: connections that a dying worker had not accepted wait for its successor.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TextIO

from loadcore_target.listeners import claim_port, open_listener, raise_descriptor_limit
from loadcore_target.settings import Settings
from loadcore_target.shared.control import ControlPage
from loadcore_target.shared.truth import MAX_WORKERS
from loadcore_target.stub_process import StubProcess
from loadcore_target.temporary import LOCK
from loadcore_target.worker_process import StartError, WorkerProcess

_RESTART_PAUSE_S = 0.5
_KILL_MARGIN_S = 5.0
_HURRIED_S = 2.0


class Supervisor:
    """Runs one gateway until asked to stop.

    Args:
        settings: The settings of the gateway.
        data_dir: Its folder; only one gateway may use it at a time.
        host: Address to listen on.
        port: Port, 0 for a free one.
        output: Gets the ready line.
        exit_with_parent: Stop when standard input ends.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, host: str, port: int, output: TextIO, *, exit_with_parent: bool
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._folder = data_dir / "shared"
        self._address = (host, port)
        self._output = output
        self._exit_with_parent = exit_with_parent
        self._workers: dict[int, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._resizing = asyncio.Lock()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stub: StubProcess | None = None
        self._claim: socket.socket
        self._control: ControlPage

    async def run(self) -> None:
        """Starts, prints the ready line, and returns when all workers have ended.

        Raises:
            StartError: The folder or the port is taken, or a worker did not start.
        """
        raise_descriptor_limit()
        with self._locked_folder(), self._claimed_port():
            self._control = ControlPage(self._folder / "control.page")
            self._control.set_program(self._settings.fault_program())
            self._listen_to_signals()
            try:
                await self._start_stub()
                await self._start_workers()
                self._print_ready()
                await self._stop.wait()
                await self._drain()
            finally:
                await self._end_workers()
                self._control.close()

    @contextlib.contextmanager
    def _locked_folder(self) -> Iterator[None]:
        """An empty folder for what the workers share: metrics of an earlier run must not be counted again."""
        metrics = self._folder / "metrics"
        metrics.mkdir(parents=True, exist_ok=True)
        with (self._data_dir / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartError(f"another gateway uses {self._data_dir}") from None
            for stale in (*metrics.iterdir(), *self._folder.glob("*.page")):
                stale.unlink()
            yield

    @contextlib.contextmanager
    def _claimed_port(self) -> Iterator[None]:
        host, port = self._address
        try:
            self._claim = claim_port(host, port)
        except OSError as error:
            raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from None
        with self._claim:
            yield

    async def _start_stub(self) -> None:
        settings = self._settings
        if settings.stub:
            self._stub = await StubProcess.start(settings.stub, settings.seed)
            upstreams = {**settings.upstreams, "stub": self._stub.url}
            self._settings = settings.model_copy(update={"upstreams": upstreams})

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._begin, self._roll)
        loop.add_signal_handler(signal.SIGTTIN, self._begin, self._grow)
        loop.add_signal_handler(signal.SIGTTOU, self._begin, self._shrink)
        if self._exit_with_parent:
            threading.Thread(target=self._wait_for_parent, args=(loop,), daemon=True, name="parent-watch").start()

    def _wait_for_parent(self, loop: asyncio.AbstractEventLoop) -> None:
        while os.read(0, 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop may have ended first
            loop.call_soon_threadsafe(self._hurry.set)
            loop.call_soon_threadsafe(self._stop.set)

    def _ask_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _begin(self, action: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await action()

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _print_ready(self) -> None:
        host, port = self._claim.getsockname()[:2]
        token = self._settings.admin_token
        line = {
            "url": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
            "pid": os.getpid(),
            "admin_token": token.get_secret_value() if token else None,
        }
        if self._stub is not None:
            line["stub_url"] = self._stub.url
        self._output.write(json.dumps(line) + "\n")
        self._output.flush()

    async def _start_workers(self) -> None:
        """Launches all at once; the first fills the database while the others load their modules."""
        first, *others = [self._new_worker() for _ in range(self._settings.workers)]
        await asyncio.gather(*(worker.launch() for worker in (first, *others)))
        made = await first.serve(seed=True)
        if made:
            _note(f"{made} users made, passwords hashed with {self._settings.hash_parameters.label}")
        await asyncio.gather(*(worker.serve(seed=False) for worker in others))
        self._write_process_ids()
        for worker in (first, *others):
            self._keep(worker)

    def _new_worker(self, listener: socket.socket | None = None) -> WorkerProcess:
        # No two living workers may write the same truth counters, so a number is free only after its worker's death.
        number = next(free for free in range(MAX_WORKERS) if free not in self._workers)
        listener = listener or open_listener(self._claim, self._settings.backlog)
        worker = WorkerProcess(number, listener, self._settings, self._folder)
        self._workers[number] = worker
        return worker

    async def _add_worker(self, listener: socket.socket | None = None) -> None:
        worker = self._new_worker(listener)
        await worker.start()
        self._write_process_ids()
        self._keep(worker)

    def _keep(self, worker: WorkerProcess) -> None:
        self._begin(lambda: self._watch(worker))

    async def _watch(self, worker: WorkerProcess) -> None:
        """Replaces a worker that dies without an order; the successor counts on in the same block."""
        while True:
            code = await worker.wait()
            if worker.retired or self._stop.is_set():
                break
            _note(f"worker {worker.number} (pid {worker.pid}) ended with code {code}; starting another")
            await asyncio.sleep(_RESTART_PAUSE_S)
            try:
                await worker.start()
            except StartError as error:
                _note(str(error))
                self._stop.set()
                break
            self._write_process_ids()

    async def _retire(self, worker: WorkerProcess) -> None:
        await worker.stop(self._settings.graceful_s + _KILL_MARGIN_S)
        self._workers.pop(worker.number, None)
        self._write_process_ids()

    async def _roll(self) -> None:
        async with self._resizing:
            for old in list(self._workers.values()):
                # Both accept from the same socket until the old one has finished its requests.
                await self._add_worker(old.listener)
                await self._retire(old)

    async def _grow(self) -> None:
        async with self._resizing:
            if len(self._workers) < MAX_WORKERS // 2:
                await self._add_worker()

    async def _shrink(self) -> None:
        async with self._resizing:
            if len(self._workers) > 1:
                worker = self._workers[max(self._workers)]
                await self._retire(worker)
                worker.listener.close()

    def _write_process_ids(self) -> None:
        living = [str(worker.pid) for worker in self._workers.values() if worker.started]
        fresh = self._folder / "workers.new"
        fresh.write_text(" ".join(living))
        fresh.replace(self._folder / "workers")

    async def _drain(self) -> None:
        """Says "not ready" and closes connections after their answers, long enough for balancers to notice."""
        self._control.draining = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._settings.drain_delay)

    async def _end_workers(self) -> None:
        self._stop.set()
        for worker in self._workers.values():
            worker.retired = True
        patience = self._settings.graceful_s + _KILL_MARGIN_S
        ends = [asyncio.create_task(worker.stop(patience)) for worker in self._workers.values() if worker.started]
        hurry = asyncio.create_task(self._kill_when_hurried())
        if ends:
            await asyncio.wait(ends)
        hurry.cancel()
        if self._stub is not None:
            await self._stub.stop()
        for worker in self._workers.values():
            worker.listener.close()

    async def _kill_when_hurried(self) -> None:
        await self._hurry.wait()
        await asyncio.sleep(_HURRIED_S)
        for worker in self._workers.values():
            worker.kill()


def _note(text: str) -> None:
    print(f"gateway: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the supervisor speaks to a person
