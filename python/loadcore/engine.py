"""The engine, typed: the only module that imports the extension.

Everything below this line is Rust. A plan goes in as JSON text, rows and windows come out as Arrow batches, encoded
where they were made. `pyarrow.record_batch(batch)` imports one without copying it.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from loadcore._core import (
    MAX_DEPTH,
    MAX_REDIRECTS,
    Batch,
    Call,
    CallSites,
    Crossing,
    FileEncoder,
    Histogram,
    NullTarget,
    Prepared,
    ScriptUser,
    Snapshot,
    Tally,
    Turn,
    end_without,
    outcomes,
)
from loadcore._core import Engine as CoreEngine
from loadcore._core import __version__ as engine_version

__all__ = [
    "MAX_DEPTH",
    "MAX_REDIRECTS",
    "SECTIONS",
    "Batch",
    "Call",
    "CallSites",
    "CheckInfo",
    "Crossing",
    "Description",
    "Ended",
    "Engine",
    "FileEncoder",
    "GroupInfo",
    "Histogram",
    "NullTarget",
    "Prepared",
    "Rows",
    "Sampled",
    "ScenarioInfo",
    "ScriptUser",
    "Snapshot",
    "StepInfo",
    "Tally",
    "Turn",
    "Windows",
    "check_plan",
    "end_without",
    "engine_version",
    "outcomes",
]

Section = Literal["main", "start", "auth", "user"]
"""Where a step stands: in the iteration, in what a user does once before it, in an authentication flow, or in the
user's own code, which timed it by itself."""

SECTIONS: tuple[Section, ...] = get_args(Section)
"""All of them."""


class StepInfo(NamedTuple):
    """A step as results name it."""

    scenario: str
    name: str
    method: str
    section: Section


class CheckInfo(NamedTuple):
    """A check as results name it."""

    scenario: str
    step: str
    name: str


class GroupInfo(NamedTuple):
    """A group as results name it."""

    scenario: str
    name: str


class ScenarioInfo(NamedTuple):
    """How one scenario's load is offered. `users`: the most that run at once, over all shares."""

    name: str
    model: Literal["open", "closed"]
    planned_end_ns: int | None
    planned_iterations: int | None
    users: int
    planned_start_ns: int = 0


class FeederInfo(NamedTuple):
    """A feeder that deals its rows one after the other."""

    name: str
    rows: int
    """How many of them are the share's."""
    scenarios: list[str]
    """Those each of whose iterations begins with one of them."""


_Info = TypeVar("_Info", StepInfo, CheckInfo, GroupInfo, ScenarioInfo, FeederInfo)


class Description(NamedTuple):
    """What an engine is going to do. `connections`: the most sockets that its share may hold open at once."""

    steps: tuple[StepInfo, ...]
    checks: tuple[CheckInfo, ...]
    groups: tuple[GroupInfo, ...]
    scenarios: tuple[ScenarioInfo, ...]
    connections: int
    feeders: tuple[FeederInfo, ...] = ()

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Description:
        """Read what `to_dict` wrote, or the engine. Unknown keys are left alone, so that the engine may say more."""
        return cls(
            steps=_read(StepInfo, document["steps"]),
            checks=_read(CheckInfo, document["checks"]),
            groups=_read(GroupInfo, document["groups"]),
            scenarios=_read(ScenarioInfo, document["scenarios"]),
            connections=document["connections"],
            feeders=_read(FeederInfo, document.get("feeders", [])),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        lists = ("steps", "checks", "groups", "scenarios", "feeders")
        infos = {name: [each._asdict() for each in getattr(self, name)] for name in lists}
        return {**infos, "connections": self.connections}

    @property
    def planned_end_ns(self) -> int | None:
        """When the last scenario stops starting iterations; None if one of them is bound by iterations alone."""
        ends = [scenario.planned_end_ns for scenario in self.scenarios]
        known = [end for end in ends if end is not None]
        return max(known, default=0) if len(known) == len(ends) else None


def _read(kind: type[_Info], entries: list[dict[str, Any]]) -> tuple[_Info, ...]:
    return tuple(kind._make(entry[name] for name in kind._fields) for entry in entries)


class Rows(NamedTuple):
    """Requests that have ended: a batch for the row log."""

    batch: Batch


class Windows(NamedTuple):
    """A second of counts and histograms."""

    batch: Batch


class Ended(NamedTuple):
    """The engine has ended; nothing comes after it."""

    reason: Literal["finished", "stopped", "interrupted", "aborted", "feeder_exhausted"]
    error: str | None
    rows_dropped: int
    """Rows that were counted in windows but came too fast for the writer."""
    started_late_ns: int
    """How long after the moment of the start it began."""


class Sampled(NamedTuple):
    """A failure that stands for its kind, as JSON types: see `loadcore.results.samples.Sample`."""

    sample: dict[str, Any]


Event = Rows | Windows | Sampled | Ended


class Engine:
    """One share of a plan, ready to run.

    Raises:
        PlanError: The plan makes no sense; all problems are listed.
    """

    def __init__(self, plan_json: str, share: int, shares: int) -> None:
        self._core = CoreEngine(plan_json, share, shares)

    def describe(self) -> Description:
        """What it is going to do."""
        return Description.from_dict(json.loads(self._core.describe()))

    def file_encoder(self, metadata: dict[str, str]) -> FileEncoder:
        """Make the encoder of one file's rows; the metadata goes into its schema."""
        return self._core.file_encoder(metadata)

    def crossing(self) -> Crossing | None:
        """The way to the code of users; None if the plan has none, or it was given before."""
        return self._core.crossing()

    def start(self, start_at_ns: int, wall_start_us: int, begins_ns: int = 0) -> None:
        """Start at a moment of CLOCK_MONOTONIC, in a thread of its own. Returns at once.

        Args:
            start_at_ns: The moment.
            wall_start_us: The same on the wall clock, in microseconds since 1970: what rows count their times from.
            begins_ns: What is due before, counted from the start, is another engine's, whose share this one carries on.
        """
        self._core.start(start_at_ns, wall_start_us, begins_ns)

    def next_event(self, timeout_ms: int) -> Event | None:
        """Wait for the next event, without the GIL. None: nothing happened in time, or the engine has ended."""
        event = self._core.next_event(timeout_ms)
        if event is None:
            return None
        kind, content = event
        if kind == "end":
            end = json.loads(cast("str", content))
            return Ended(end["reason"], end.get("error"), end["rows_dropped"], end["started_late_ns"])
        if kind == "sample":
            return Sampled(json.loads(cast("str", content)))
        batch = cast("Batch", content)
        return Rows(batch) if kind == "rows" else Windows(batch)

    def stop(self) -> None:
        """Start no more iterations; running ones may finish within the plan's graceful stop."""
        self._core.stop()

    def order(self, scenario: int, at_ns: int, change: dict[str, Any]) -> None:
        """Change the load of a scenario while it runs. Before the start it does nothing.

        Args:
            scenario: Its place in the plan.
            at_ns: From when on, since the start. What is due before stays as it was.
            change: As `loadcore.plan.orders.Change.for_engine` gives it.
        """
        self._core.order(scenario, at_ns, json.dumps(change))

    def interrupt(self) -> None:
        """Stop now; requests in flight are recorded as `interrupted`."""
        self._core.interrupt()


def check_plan(plan_json: str) -> Description:
    """What a whole plan is going to do.

    Raises:
        PlanError: The plan makes no sense; all problems are listed.
    """
    return Engine(plan_json, 0, 1).describe()
