"""The workers of a run, all together: started at once, heard through one queue, ended at once."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Self, TypeVar

from loadcore.errors import PlanError, RunError, WorkerLost
from loadcore.processes import messages
from loadcore.processes.worker_handle import Gone, WorkerHandle
from loadcore.wording.refusals import refusal, refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_POLL_S = 0.1

Answer = TypeVar("Answer", messages.Prepared, messages.Armed)


class Workers:
    """All workers of a run. As a context manager it ends those that still run."""

    def __init__(self, handles: Sequence[WorkerHandle]) -> None:
        self._handles = {handle.worker: handle for handle in handles}
        self._queue: queue.SimpleQueue[tuple[int, messages.Report | Gone]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._relay, args=(handle,), daemon=True) for handle in handles]
        now = time.monotonic()
        self._heard = dict.fromkeys(self._handles, now)
        self.working = set(self._handles)
        """Those that have neither finished nor gone."""

    @classmethod
    def start(cls, start_worker: Callable[[int], WorkerHandle], workers: int, give_up: Callable[[], None]) -> Workers:
        """Start all workers, or none.

        Args:
            start_worker: Starts the worker of that number.
            workers: How many.
            give_up: Called before each; raises to give up.

        Raises:
            LimitsError: This machine does not let one be started.
        """
        handles: list[WorkerHandle] = []
        try:
            for worker in range(workers):
                give_up()
                with refusing(f"worker {worker} could not be started"):
                    handles.append(start_worker(worker))
        except BaseException:
            for handle in handles:
                handle.close()
            raise
        return cls(handles)

    def __enter__(self) -> Self:
        try:
            with refusing("the workers could not be started"):
                for thread in self._threads:
                    thread.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for handle in self._handles.values():
            handle.close()
        for thread in self._threads:
            if thread.ident is not None:  # One that could not be started cannot be waited for.
                thread.join()

    def prepare(
        self, orders: Callable[[int], messages.Prepare], give_up: Callable[[], None], within_s: float
    ) -> list[messages.Prepared]:
        """Hand out the shares and wait until all workers are ready.

        Args:
            orders: Gives each worker its order.
            give_up: Called again and again while waiting; raises to give up.
            within_s: How long it may take.

        Raises:
            PlanError: The plan is not valid.
            RunError: A worker failed to start.
        """
        # A worker that is still importing does not read, and a large plan fills its pipe: this code does not wait for
        # that.
        for worker, handle in self._handles.items():
            with refusing("could not send the plan to the workers"):
                threading.Thread(target=handle.prepare, args=(orders(worker),), daemon=True).start()
        return self._gather(messages.Prepared, give_up, within_s)

    def arm(self, give_up: Callable[[], None], within_s: float) -> None:
        """Wait until all workers could start at once. Arguments and errors as of `prepare`."""
        for handle in self._handles.values():
            handle.arm()
        self._gather(messages.Armed, give_up, within_s)

    def go(self, order: messages.Go) -> None:
        """Start all together."""
        for handle in self._handles.values():
            handle.go(order)

    def pids(self) -> list[int]:
        """The processes of the workers on this machine."""
        return [handle.pid for handle in self._handles.values() if handle.pid is not None]

    def stop(self) -> None:
        """Have all start no more iterations."""
        for worker in self.working:
            self._handles[worker].stop()

    def interrupt(self) -> None:
        """Have all stop now."""
        for worker in self.working:
            self._handles[worker].interrupt()

    def kill(self, workers: Sequence[int]) -> None:
        """End processes, whatever they do. They will be reported as gone."""
        for worker in workers:
            self._handles[worker].close()

    def next(self, timeout_s: float = _POLL_S) -> tuple[int, messages.Report | Gone] | None:
        """A worker's next message; None if there was none in time."""
        try:
            worker, message = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._heard[worker] = time.monotonic()
        if isinstance(message, messages.Done | Gone):
            self.working.discard(worker)
        return worker, message

    def silence(self) -> dict[int, float]:
        """For how many seconds each working worker has said nothing."""
        now = time.monotonic()
        return {worker: now - self._heard[worker] for worker in self.working}

    def _relay(self, handle: WorkerHandle) -> None:
        for message in handle.reports():
            self._queue.put((handle.worker, message))

    def _gather(self, kind: type[Answer], give_up: Callable[[], None], within_s: float) -> list[Answer]:
        """One answer of this kind from every worker, in the order of their numbers."""
        answers: dict[int, Answer] = {}
        deadline = time.monotonic() + within_s
        while len(answers) < len(self._handles):
            give_up()
            if time.monotonic() > deadline:
                late = sorted(set(self._handles) - set(answers))
                raise RunError(
                    f"workers {late} were not ready within {within_s:g} s", hint="is the machine overloaded?"
                )
            said = self.next()
            if said is None:
                continue
            worker, message = said
            match message:
                case messages.Trouble(problems=[_, *_]):
                    raise PlanError(message.problems)
                case messages.Trouble():
                    raise RunError(f"worker {worker} failed to start: {message.message}")
                case Gone():
                    refused = refusal(RuntimeError(message.reason), f"worker {worker} failed to start")
                    raise refused or WorkerLost(f"worker {worker} was lost before the start: {message.reason}")
                case _ if isinstance(message, kind):
                    answers[worker] = message
        return [answers[worker] for worker in sorted(answers)]
