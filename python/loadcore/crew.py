"""The workers of a run, all together: started at once, heard through one queue, ended at once."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Self, TypeVar

from loadcore import wire
from loadcore.errors import PlanError, RunError, WorkerLost
from loadcore.link import Gone, WorkerLink
from loadcore.refusals import refusal, refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_POLL_S = 0.1

Answer = TypeVar("Answer", wire.Prepared, wire.Armed)


class Crew:
    """All workers of a run. As a context manager it ends those that still run."""

    def __init__(self, links: Sequence[WorkerLink]) -> None:
        self._links = {link.worker: link for link in links}
        self._queue: queue.SimpleQueue[tuple[int, wire.Report | Gone]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._relay, args=(link,), daemon=True) for link in links]
        now = time.monotonic()
        self._heard = dict.fromkeys(self._links, now)
        self.working = set(self._links)
        """Those that have neither finished nor gone."""

    @classmethod
    def start(cls, make_link: Callable[[int], WorkerLink], workers: int, give_up: Callable[[], None]) -> Crew:
        """Start all workers, or none.

        Args:
            make_link: Starts the worker of that number.
            workers: How many.
            give_up: Called before each; raises to give up.

        Raises:
            LimitsError: This machine does not let one be started.
        """
        links: list[WorkerLink] = []
        try:
            for worker in range(workers):
                give_up()
                with refusing(f"worker {worker} could not be started"):
                    links.append(make_link(worker))
        except BaseException:
            for link in links:
                link.close()
            raise
        return cls(links)

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
        for link in self._links.values():
            link.close()
        for thread in self._threads:
            if thread.ident is not None:  # One that could not be started cannot be waited for.
                thread.join()

    def prepare(
        self, orders: Callable[[int], wire.Prepare], give_up: Callable[[], None], within_s: float
    ) -> list[wire.Prepared]:
        """Hand out the shares and wait until all workers are ready.

        Args:
            orders: Gives each worker its order.
            give_up: Called again and again while waiting; raises to give up.
            within_s: How long it may take.

        Raises:
            PlanError: The plan is not valid.
            RunError: A worker could not get ready.
        """
        # A worker that is still importing does not read, and a large plan fills its pipe: nobody waits for that here.
        for worker, link in self._links.items():
            with refusing("the plan could not be handed out"):
                threading.Thread(target=link.prepare, args=(orders(worker),), daemon=True).start()
        return self._gather(wire.Prepared, give_up, within_s)

    def arm(self, give_up: Callable[[], None], within_s: float) -> None:
        """Wait until all workers could start at once. Arguments and errors as of `prepare`."""
        for link in self._links.values():
            link.arm()
        self._gather(wire.Armed, give_up, within_s)

    def go(self, order: wire.Go) -> None:
        """Start all together."""
        for link in self._links.values():
            link.go(order)

    def pids(self) -> list[int]:
        """The processes of the workers on this machine."""
        return [link.pid for link in self._links.values() if link.pid is not None]

    def stop(self) -> None:
        """Have all start no more iterations."""
        for worker in self.working:
            self._links[worker].stop()

    def interrupt(self) -> None:
        """Have all stop now."""
        for worker in self.working:
            self._links[worker].interrupt()

    def kill(self, workers: Sequence[int]) -> None:
        """End processes, whatever they do. They will be reported as gone."""
        for worker in workers:
            self._links[worker].close()

    def next(self, timeout_s: float = _POLL_S) -> tuple[int, wire.Report | Gone] | None:
        """What a worker said next; None if nothing was said in time."""
        try:
            worker, message = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._heard[worker] = time.monotonic()
        if isinstance(message, wire.Done | Gone):
            self.working.discard(worker)
        return worker, message

    def silence(self) -> dict[int, float]:
        """For how many seconds each working worker has said nothing."""
        now = time.monotonic()
        return {worker: now - self._heard[worker] for worker in self.working}

    def _relay(self, link: WorkerLink) -> None:
        for message in link.messages():
            self._queue.put((link.worker, message))

    def _gather(self, kind: type[Answer], give_up: Callable[[], None], within_s: float) -> list[Answer]:
        """One answer of this kind from every worker, in the order of their numbers."""
        answers: dict[int, Answer] = {}
        deadline = time.monotonic() + within_s
        while len(answers) < len(self._links):
            give_up()
            if time.monotonic() > deadline:
                late = sorted(set(self._links) - set(answers))
                raise RunError(
                    f"workers {late} were not ready within {within_s:g} s", hint="is the machine overloaded?"
                )
            said = self.next()
            if said is None:
                continue
            worker, message = said
            match message:
                case wire.Trouble(problems=[_, *_]):
                    raise PlanError(message.problems)
                case wire.Trouble():
                    raise RunError(f"worker {worker} could not get ready: {message.message}")
                case Gone():
                    refused = refusal(RuntimeError(message.reason), f"worker {worker} could not get ready")
                    raise refused or WorkerLost(f"worker {worker} was lost before the start: {message.reason}")
                case _ if isinstance(message, kind):
                    answers[worker] = message
        return [answers[worker] for worker in sorted(answers)]
