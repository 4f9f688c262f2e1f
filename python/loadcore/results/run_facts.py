"""What is known of a run besides its windows: what was started, and how it ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from loadcore.engine import Description
from loadcore.results import shape

SCHEMA_VERSION = 1
"""Of `run.json` and `summary.json`."""
COLUMNS_VERSION = "1.0"
"""Of the columns in Arrow files: in the metadata of every file, under `loadcore.schema_version`."""


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of `run.json`."""
    document: dict[str, Any] = json.loads(files("loadcore.results").joinpath("run.schema.json").read_text("utf-8"))
    return document


@dataclass(frozen=True)
class RunStart:
    """What was started: the content of `run.json`, written before the first request."""

    run_id: str
    name: str
    started_at: str
    """Wall clock, ISO 8601, UTC. A label: nothing is computed from it."""
    wall_start_us: int
    """The same, in microseconds since 1970."""
    seed: int
    plan_sha256: str
    workers: int
    warm_up_ns: int | None
    """None: user code ends the warm-up, and windows say when."""
    description: Description
    """Of all workers together."""
    base_urls: dict[str, str]
    """By scenario."""
    thresholds: list[dict[str, Any]]
    """What the run is judged by: `expression`, the `scenario` and `step` it is about, and whether it is a `default`."""
    tags: dict[str, str] = field(default_factory=dict)
    """What the user tagged it with."""
    revision: dict[str, Any] | None = None
    """Of the git repository it was started in: `commit`, `branch`, `dirty`; see `loadcore.machine.revision`."""
    comparable_sha256: str = ""
    """Of the plan without the targets' addresses: runs that share it can be compared."""
    loads: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By scenario: the load model, as in the plan."""
    stopping: list[tuple[str, str, str]] = field(default_factory=list)
    """Scenario, step and name of every check whose failure ends the iteration."""
    needed: list[tuple[str, str, list[str]]] = field(default_factory=list)
    """Scenario, step, and the variables it must set for the iteration to continue, in the order of the plan."""
    allow_lost_workers: bool = False
    until_stopped: bool = False
    """Whether the run has no end of its own: Ctrl-C is its end."""
    unpaced: bool = True
    """Whether some users send as fast as they can."""
    calibration: dict[str, Any] | None = None
    """What was measured before it: see `loadcore.judge.headroom.Headroom`."""
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    """What of the target can be seen: `is_here`, whether it has an address of this machine, and `sight`."""
    command: str | None = None
    """The command that started it, without secrets; None if none did."""
    traces: dict[str, Any] | None = None
    """Which requests are traced: their share (`sample`), and where traces are shown (`url`); None if none are."""
    nodes: list[dict[str, Any]] = field(default_factory=list)
    """What is known of each machine of a cluster: its name, its workers, its cores; empty on one machine."""
    supervisor: dict[str, int] = field(default_factory=dict)
    """Process id and start time of who runs it, by which a reader tells a running run from a killed one, and the inode
    of the run's folder, by which it tells a copy."""

    def to_json(self) -> str:
        """The text of `run.json`."""
        document = {"schema_version": SCHEMA_VERSION, **vars(self), "description": self.description.to_dict()}
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunStart:
        """Read the text of `run.json`. Keys of later versions are left alone.

        Raises:
            ValueError: It is not such a document.
        """
        document = shape.parse(text)
        if wrong := shape.fault(document, schema()):
            raise ValueError(f"not the description of a run: {wrong}")
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        known["description"] = Description.from_dict(known["description"])
        known["stopping"] = [tuple(each) for each in known.get("stopping", ())]
        known["needed"] = [tuple(each) for each in known.get("needed", ())]
        return cls(**known)

    @property
    def open_only(self) -> bool:
        """Whether every scenario has an open model."""
        return all(scenario.model == "open" for scenario in self.description.scenarios)

    @property
    def cores(self) -> int:
        """Cores of the machine that the client may use; on several nodes, of all of them."""
        if self.nodes:
            return int(sum(node["cores"] or 1 for node in self.nodes))
        return int(self.machine.get("client_cores") or self.machine.get("cores") or 1)


@dataclass(frozen=True)
class FileFacts:
    """What the manifest says about a file. Without its footer (`sealed`) its body reads as a stream from byte 8."""

    name: str
    rows: int
    bytes: int
    sha256: str
    sealed: bool
    stored: str | None = None
    """Where it is, if not in the run's folder: a URI."""

    def to_dict(self) -> dict[str, object]:
        """The same as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Carried:
    """A worker's share that was without a node for a while."""

    after_ns: int
    """When the last that is known of it before ended, since the start."""
    begins_ns: int
    """From when on it was carried on."""
    node: str
    """The node that was lost."""
    reason: str
    by: str
    """The node that carried it on."""
    requests: int
    """What was recorded of the share until then."""


@dataclass(frozen=True)
class WorkerEnd:
    """How one worker ended."""

    worker: int
    reason: str
    """`finished`, `stopped`, `interrupted`, `aborted`, `feeder_exhausted`, `raised`, `failed`, or `lost`."""
    error: str | None = None
    rows_dropped: int = 0
    """Rows that came too fast for the writer."""
    rows_lost: int = 0
    """Rows that the disk did not take, or that were in files which are gone."""
    rows_gone: int = 0
    """Of the lost rows: those in files that were removed or changed during the run."""
    disk_problem: str | None = None
    lost_after_ns: int | None = None
    """When a lost worker went away, since the start."""
    started_late_ns: int | None = None
    """How long after the moment of the start it began. A lost worker did not say it."""
    carried: tuple[Carried, ...] = ()
    """When its node was lost and another one carried on its share."""
    files: tuple[FileFacts, ...] = ()
    user_code: dict[str, Any] | None = None
    """What there is to report about the user's code that ran in it: `exceptions`, and what its program says."""

    @property
    def lost(self) -> bool:
        """Whether the process went away before its work was done."""
        return self.reason == "lost"

    @property
    def rows(self) -> int:
        """Rows in its files."""
        return sum(facts.rows for facts in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**asdict(self), "files": [facts.to_dict() for facts in self.files]}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> WorkerEnd:
        """Read what `to_dict` wrote."""
        files = tuple(FileFacts(**facts) for facts in document["files"])
        carried = tuple(Carried(**each) for each in document["carried"])
        return cls(**{**document, "files": files, "carried": carried})


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    ended_ns: int
    """Since the start, when the last worker ended."""
    workers: tuple[WorkerEnd, ...] = ()
    signal: str | None = None
    """`SIGINT`, `SIGTERM` or `SIGHUP`, if one ended the run."""
    aborted_by: str | None = None
    """The threshold that ended the run."""
    aborted_because: str | None = None
    """Why code of the user's ended the run."""
    truncated: bool = False
    """Whether the run was killed, or is still running, so that this is only what can be seen from outside."""
    running: bool = False
    """Whether it is still running."""
    moved: bool = False
    """Whether it came to its end while its folder was elsewhere."""
    copied: bool = False
    """Whether this is a copy of its folder, made before it was complete."""
    windows_lost: str | None = None
    """Why windows are missing in `windows.arrow`, if some are."""
    beside: tuple[dict[str, Any], ...] = ()
    """What processes beside the workers say of code of the user's."""
    not_sealed: str | None = None
    """Why the run folder could not be completed, if it could not."""

    @property
    def as_planned(self) -> bool:
        """Whether the run lasted as long as its plan says, without being ended early."""
        ended = self.truncated or self.signal or self.aborted_by or self.aborted_because
        return not ended and all(worker.reason == "finished" for worker in self.workers)
