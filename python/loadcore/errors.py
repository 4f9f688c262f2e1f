"""What can go wrong, as exceptions that know their exit code and may carry a hint.

LoadcoreError                      1    anything below; alone: our own fault
├── InternalError                  1    a bug in loadcore
├── UsageError                     2    an argument that makes no sense
├── PlanError                    104    the plan is not valid; `.problems` lists everything that is wrong with it
│   ├── ScenarioError            104    the declarations in the user's file are not valid
│   │   └── ScenarioNotFound     104    the file, or the scenario in it, does not exist
│   └── LimitsError              104    this machine does not allow what the plan needs
├── ScenarioRaised               107    the user's file raised an exception; `.frames` shows where
├── ConfigError                  104    a configuration file is not valid
├── RunError                       1    a run could not be started or finished
│   └── WorkerLost               111    a worker process ended before its work did
└── ResultsError                 104    a run folder is missing or cannot be read

The numbers are listed, with what they tell a script, in `ExitCode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ExitCode(IntEnum):
    """What the process' exit code says."""

    PASS = 0
    """Every threshold has data and holds, and the client was healthy."""
    BUG = 1
    """A fault of loadcore itself."""
    USAGE = 2
    """A bad argument on the command line."""
    THRESHOLD_CROSSED = 99
    """At least one threshold does not hold."""
    CONFIG = 104
    """The configuration, the scenario or the plan is not valid, or this machine cannot carry it out."""
    SCENARIO_RAISED = 107
    """The user's own code raised an exception, or no iteration completed."""
    ABORTED = 108
    """The scenario asked for the end of the run."""
    INVALID = 111
    """The measurement cannot be trusted: the client was the bottleneck, a worker was lost, or the run was killed."""
    REGRESSION = 112
    """Slower than the baseline."""
    NO_DATA = 113
    """Nothing was sent, nothing was answered, a threshold has no data, or a side of a comparison has no run."""
    INCONCLUSIVE = 114
    """A comparison with too few runs, or too much noise, to say what it was asked to say."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""
    TERMINATED = 143
    """Ended by SIGTERM, or because its terminal was closed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it."""

    message: str
    """What is wrong, in one sentence without a full stop."""
    at: str | None = None
    """Place in the user's file, as `checkout.py:12`."""
    hint: str | None = None
    """What to do about it."""
    path: str | None = None
    """Place in the plan, as `scenarios[0].steps[1].url`; only of problems found by the engine."""

    def __str__(self) -> str:
        """The problem as it is shown: place first, hint on its own line."""
        place = self.at or self.path
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class LoadcoreError(Exception):
    """The root of all exceptions that loadcore raises on purpose.

    Args:
        message: What went wrong, in one sentence.
        hint: What to do about it.
    """

    exit_code = ExitCode.BUG

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InternalError(LoadcoreError):
    """A bug in loadcore."""


class UsageError(LoadcoreError):
    """An argument that makes no sense."""

    exit_code = ExitCode.USAGE


class PlanError(LoadcoreError):
    """The plan is not valid.

    Args:
        problems: Everything that is wrong, as `Problem` or as a mapping with its fields (what the engine reports).
    """

    exit_code = ExitCode.CONFIG

    def __init__(self, problems: Iterable[Problem | Mapping[str, Any]]) -> None:
        self.problems = tuple(each if isinstance(each, Problem) else Problem(**each) for each in problems)
        super().__init__()
        self.args = (self.problems,)

    def __str__(self) -> str:
        """All problems, one after another."""
        return "\n".join(str(problem) for problem in self.problems)


class ScenarioError(PlanError):
    """The declarations in the user's file are not valid."""


class ScenarioNotFound(ScenarioError):  # noqa: N818 - reads as what happened
    """The file does not exist, or lacks such a scenario."""


class ScenarioRaised(LoadcoreError):  # noqa: N818 - reads as what happened
    """The user's file raised an exception.

    Args:
        message: The exception's type and text.
        frames: Where it was raised: the user's own frames only, the innermost last.
        hint: What to do about it.
    """

    exit_code = ExitCode.SCENARIO_RAISED

    def __init__(self, message: str, frames: tuple[str, ...] = (), *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.args = (message, frames)
        self.message = message
        self.frames = frames

    def __str__(self) -> str:
        """The exception, then its frames, one a line."""
        return "\n".join((self.message, *(f"  {frame}" for frame in self.frames)))


class ConfigError(LoadcoreError):
    """A configuration file is not valid."""

    exit_code = ExitCode.CONFIG


class LimitsError(PlanError):
    """This machine does not allow what the plan needs."""


class RunError(LoadcoreError):
    """A run could not be started or finished."""


class WorkerLost(RunError):  # noqa: N818 - reads as what happened
    """A worker process ended before its work did."""

    exit_code = ExitCode.INVALID


class ResultsError(LoadcoreError):
    """A run folder is missing or cannot be read."""

    exit_code = ExitCode.CONFIG
