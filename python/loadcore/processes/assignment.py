"""What a supervisor is to run, and where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from loadcore.machine.look import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.machine.client_limits import Needs
    from loadcore.processes.executor import Executor
    from loadcore.processes.worker_handle import WorkerHandle
    from loadcore.results.run_folder import RunFolder


class Beside(Protocol):
    """A process beside the workers that has a part in what their code does."""

    arguments: dict[str, Any]
    """What the workers' program needs to know of it."""
    reaches: str
    """Which of these is a port of this machine, that workers on nodes have a way to."""

    @property
    def lost(self) -> str | None:
        """How it went away, if it did so before it was done."""

    def stop(self) -> None:
        """The run is to end."""

    def document(self) -> dict[str, Any]:
        """What it says of code of the user's, once the workers have ended."""

    def close(self) -> None:
        """End it, if it still runs."""


@dataclass(frozen=True)
class Assignment:
    """The assignment to run."""

    plan_json: str
    workers: int
    """How many."""
    facts: Callable[[], dict[str, Any]]
    """Gathers the fields of `RunStart` that the plan and the machine tell. Called while the workers start."""
    metadata: dict[str, str]
    """The metadata in the schema of every Arrow file."""
    folder: RunFolder
    rules: Sequence[Rule]
    graceful_stop_ns: int
    needs: Callable[..., Needs]
    """What a run needs of the machine whose workers may each hold this number of connections; and, as `rates`, with
    these rates of scenarios in place of the planned ones."""
    start_worker: Callable[[int], WorkerHandle]
    """Starts a worker of that number."""
    shown_plan: Mapping[str, Any]
    """The plan as it may be shown and stored."""
    program: Mapping[str, Any] | None = None
    """The code of the user's that runs in the workers: see `messages.Prepare`."""
    placement: Placement | None = None
    """Where the workers will be, if that is not this machine: then `start_worker` is not used."""
    beside: Beside | None = None
    """What else belongs to that code."""
    look: Look = field(default_factory=Look)
    """Where to look for the target."""


class Placement(ABC):
    """Where the workers of a run will be."""

    @abstractmethod
    def workers(self, asked: int | None, *, whole: bool, users: int) -> int:
        """How many workers there will be.

        Args:
            asked: How many the user asked for, on each machine.
            whole: Whether the plan cannot be divided.
            users: The most users at once.
        """

    @abstractmethod
    def open(self, assignment: Assignment, give_up: Callable[[], None]) -> Executor:
        """Make the executor of this assignment. `give_up` raises to give up."""
