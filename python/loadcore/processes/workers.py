"""The workers of a run, all together: started at once, heard through one queue, ended at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from loadcore.processes import messages
from loadcore.processes.executor import Executor
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadcore.processes.worker_handle import WorkerHandle


class Workers(Executor):
    """All workers of a run, in processes of this machine."""

    def __init__(self, handles: Sequence[WorkerHandle]) -> None:
        super().__init__(handle.worker for handle in handles)
        self._handles = {handle.worker: handle for handle in handles}
        self._threads = [threading.Thread(target=self._relay, args=(handle,), daemon=True) for handle in handles]

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

    def open(self) -> None:
        """Begin to hear the workers."""
        try:
            with refusing("the workers could not be started"):
                for thread in self._threads:
                    thread.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End every worker that still runs."""
        for handle in self._handles.values():
            handle.close()
        for thread in self._threads:
            if thread.ident is not None:  # One that could not be started cannot be waited for.
                thread.join()

    def prepare(
        self, orders: Callable[[int], messages.Prepare], give_up: Callable[[], None], within_s: float
    ) -> list[messages.Prepared]:
        """Hand out the shares and wait until all workers are ready."""
        # A worker that is still importing does not read, and a large plan fills its pipe: this code does not wait for
        # that.
        for worker, handle in self._handles.items():
            with refusing("could not send the plan to the workers"):
                threading.Thread(target=handle.prepare, args=(orders(worker),), daemon=True).start()
        return self._gather(messages.Prepared, give_up, within_s)

    def arm(self, give_up: Callable[[], None], within_s: float) -> None:
        """Wait until all workers could start at once."""
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

    def change(self, order: messages.Change) -> None:
        """Have all change the load."""
        for worker in self.working:
            self._handles[worker].change(order)

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

    def _relay(self, handle: WorkerHandle) -> None:
        for message in handle.reports():
            self._queue.put((handle.worker, message))
