"""Where the workers of a run are, behind ten verbs: on this machine, or on nodes.

The supervisor knows nothing else of them. `Workers` are processes of this machine; `loadcore.cluster` has those of
nodes. The verbs: `nodes`, `prepare`, `arm`, `go`, `next`, `change`, `stop`, `interrupt`, `kill`, `collect`.
"""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from loadcore.errors import PlanError, RunError, ScenarioRaised, WorkerLost
from loadcore.machine import client_limits
from loadcore.processes import messages
from loadcore.processes.worker_handle import Gone
from loadcore.wording.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from loadcore.errors import LoadcoreError
    from loadcore.machine.client_limits import Needs
    from loadcore.results.run_facts import WorkerEnd
    from loadcore.results.run_folder import RunFolder

OTHERS_WITHIN_S = 1.0
"""How long a start that has failed waits for what other workers say: all that is wrong is reported at once."""
_POLL_S = 0.1

Answer = TypeVar("Answer", messages.Prepared, messages.Armed)


class NodeSecond(NamedTuple):
    """How busy a node was with the client and with other programs."""

    node: int
    second: int
    values: Mapping[str, int]


class NodeNews(NamedTuple):
    """Something that happened to a node, in one sentence."""

    text: str
    counts_missing: bool = False
    """Whether the run's counts are too small from then on, which makes it invalid."""


class CarriedOn(NamedTuple):
    """Another node carries on the share of a worker whose node was lost."""

    begins_ns: int
    """From then on, counted from the start."""
    node: str
    """The node that was lost."""
    reason: str
    by: str
    """The node that carries it on."""


Said = messages.Report | Gone | NodeSecond | NodeNews | CarriedOn


class Executor(ABC):
    """The workers of a run, all together. As a context manager it ends those that still run.

    Args:
        workers: Their numbers.
    """

    is_here = True
    """Whether the workers are processes of this machine."""
    fixed_because = ""
    """Why the load cannot be changed while the run lasts; empty if it can."""
    lead_s = 0.0
    """What the order to start needs to reach all workers, beyond what it takes on this machine."""

    def __init__(self, workers: Iterable[int]) -> None:
        self.working = set(workers)
        """Those that have neither finished nor gone."""
        self._all = sorted(self.working)
        self._queue: queue.SimpleQueue[tuple[int, Said]] = queue.SimpleQueue()
        self._heard = dict.fromkeys(self._all, time.monotonic())

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def open(self) -> None:
        """Begin to hear the workers."""

    @abstractmethod
    def close(self) -> None:
        """End every worker that still runs."""

    def pids(self) -> list[int]:
        """The processes of the workers on this machine."""
        return []

    def nodes(self) -> list[dict[str, Any]]:
        """What is known of each node: `name`, `workers`, `cores` and more. Empty where there is this machine only."""
        return []

    @abstractmethod
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

    @abstractmethod
    def arm(self, give_up: Callable[[], None], within_s: float) -> None:
        """Wait until all workers could start at once. Arguments and errors as of `prepare`."""

    @abstractmethod
    def go(self, order: messages.Go) -> None:
        """Start all together."""

    def next(self, timeout_s: float = _POLL_S) -> tuple[int, Said] | None:
        """A worker's or a node's next message; None if there was none in time."""
        try:
            worker, message = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if worker in self._heard:
            self._heard[worker] = time.monotonic()
        if isinstance(message, messages.Done | Gone):
            self.working.discard(worker)
        return worker, message

    def silence(self) -> dict[int, float]:
        """For how many seconds each working worker has said nothing."""
        now = time.monotonic()
        return {worker: now - self._heard[worker] for worker in self.working}

    @abstractmethod
    def change(self, order: messages.Change) -> None:
        """Have all change the load."""

    def require_room(
        self, connections: int, rates: Mapping[str, float], needs: Callable[[Sequence[int]], Needs]
    ) -> None:
        """Refuse a change of the load that the machines of the workers have no room for.

        Args:
            connections: How many each worker would hold.
            rates: By scenario the rates that would change, per second.
            needs: What this machine would need for workers that hold this number of connections.

        Raises:
            LimitsError: A machine does not allow it.
        """
        del rates
        client_limits.require(needs([connections] * len(self._all)))

    @abstractmethod
    def stop(self) -> None:
        """Have all start no more iterations."""

    @abstractmethod
    def interrupt(self) -> None:
        """Have all stop now."""

    @abstractmethod
    def kill(self, workers: Sequence[int]) -> None:
        """End processes, whatever they do. They will be reported as gone."""

    def collect(self, ends: Mapping[int, WorkerEnd], folder: RunFolder) -> dict[int, WorkerEnd]:  # noqa: ARG002
        """Bring the rows of all workers into the run's folder.

        Args:
            ends: How each worker ended, with the files that it wrote.
            folder: The run's folder.

        Returns:
            The same with what is in the folder now.
        """
        return dict(ends)

    def _gather(self, kind: type[Answer], give_up: Callable[[], None], within_s: float) -> list[Answer]:
        """One answer of this kind from every worker, in the order of their numbers."""
        answers: dict[int, Answer] = {}
        failed: dict[int, messages.Trouble | Gone] = {}
        deadline = time.monotonic() + within_s
        while late := set(self._all) - answers.keys() - failed.keys():
            give_up()
            if time.monotonic() > deadline:
                if failed:
                    break
                raise RunError(
                    f"workers {sorted(late)} were not ready within {within_s:g} s", hint="is the machine overloaded?"
                )
            said = self.next()
            if said is None:
                continue
            worker, message = said
            if isinstance(message, messages.Trouble | Gone):
                failed.setdefault(worker, message)
                deadline = min(deadline, time.monotonic() + OTHERS_WITHIN_S)
            elif isinstance(message, kind):
                answers[worker] = message
        if failed:
            raise self._failure(failed)
        return [answers[worker] for worker in sorted(answers)]

    def _failure(self, failed: Mapping[int, messages.Trouble | Gone]) -> LoadcoreError:
        """The error that ends the run, by the workers that failed before the start."""
        worker, first = next(iter(failed.items()))
        match first:
            case messages.Trouble(problems=[_, *_]):
                return PlanError(first.problems)
            case messages.Trouble(frames=[*frames]):
                named = ", ".join(self._names_of(each for each, said in failed.items() if _is_the_same(said, first)))
                return ScenarioRaised(f"{named}: {first.message}", tuple(frames), hint=self._remedy(first))
            case messages.Trouble():
                return RunError(f"{self.name_of(worker)} failed to start: {first.message}", hint=first.hint)
        name = self.name_of(worker)
        refused = refusal(RuntimeError(first.reason), f"{name} failed to start")
        return refused or WorkerLost(f"{name} was lost before the start: {first.reason}")

    def _names_of(self, workers: Iterable[int]) -> list[str]:
        """Where code of the user's failed, in words."""
        return [self.name_of(worker) for worker in sorted(workers)]

    def _remedy(self, trouble: messages.Trouble) -> str | None:
        """What to do about an exception of the user's code before the start."""
        return trouble.hint

    def name_of(self, worker: int) -> str:
        """A worker in words, with the node that it is on."""
        return f"worker {worker}"


def _is_the_same(one: messages.Trouble | Gone, other: messages.Trouble | Gone) -> bool:
    """Whether two workers failed at the same line, though each may have looked for a file in another place."""
    return isinstance(one, messages.Trouble) and isinstance(other, messages.Trouble) and one.frames == other.frames
