"""The types of `summary.json` that say how the client did: its workers, nodes and user code."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from loadcore.results.request_types import (  # noqa: TC001 - read at run time, with the hints
    MaybeNone,
)


class WorkerSummary(TypedDict):
    """How one worker did."""

    worker: int
    cpu_ratio: float | MaybeNone
    cpu_ratio_max: float | MaybeNone
    process_cpu_s: float
    lag_p50_ns: int | MaybeNone
    lag_p99_ns: int | MaybeNone
    lag_max_ns: int
    involuntary_switches: int
    open_fds_max: int
    fd_limit: int | MaybeNone
    rows: int | MaybeNone
    rows_dropped: int | MaybeNone
    rows_lost: int | MaybeNone
    disk_problem: str | None
    ended: str | None


class ClientSummary(TypedDict):
    """How the client did."""

    verdict: Literal["healthy", "suspect", "client_limited"]
    """The worst severity of the findings about the client."""
    cpu_ratio: float | MaybeNone
    """The busiest second of the busiest engine thread, of one core."""
    on_time: NotRequired[float | MaybeNone]
    """Of open models: the share of requests that were sent at most 100 µs late, or 1 % of the median service time. It
    is reported, and not judged: what lag did to the times is."""
    lag_p50_ns: int | MaybeNone
    lag_p99_ns: int | MaybeNone
    lag_max_ns: int | MaybeNone
    open_fds: int | MaybeNone
    fd_limit: int | MaybeNone
    local_ports: int | MaybeNone
    foreign_cores: float | MaybeNone
    """Cores that other programs used, on average."""
    foreign_cores_max: float | MaybeNone
    headroom: NotRequired[float | MaybeNone]
    """How much more of the same this machine could have driven: cores that the workers may use, by cores that they
    used."""
    workers: list[WorkerSummary]


class CalibrationSummary(TypedDict):
    """What was measured against a null target before the run; null where nothing was."""

    drives_per_s: float
    asked_per_s: float | MaybeNone
    headroom: float | MaybeNone
    cores: float


class CarriedOnSummary(TypedDict):
    """From when on other nodes carried on the share of a lost one."""

    from_s: float
    """In seconds since the start."""
    by: list[str]


class LostNodeSummary(TypedDict):
    """When and why a node was lost, and what is missing because of it."""

    after_s: float | MaybeNone
    """In seconds since the start."""
    reason: str
    share: float
    """The share of the load that is missing from then on, or until it was carried on."""
    missing_share: float
    """What is missing of the load of the whole run."""
    carried_on: CarriedOnSummary | None
    unused_rows: dict[str, int]
    """By feeder: rows of its share that no iteration began with."""


class NodeSummary(TypedDict):
    """One machine of a run on several."""

    name: str
    address: str
    workers: list[int]
    cores: float | MaybeNone
    clock_bound_ns: int
    """By how much its clock may differ from what was measured."""
    started_late_ns: int
    """How long after the moment of the start the last of its workers began."""
    share: float
    """Its share of the load."""
    requests: int
    client: Literal["healthy", "suspect", "client_limited"]
    """How it did as a client."""
    lost: LostNodeSummary | None


class LostWorkerSummary(TypedDict):
    """A worker that was lost."""

    worker: int
    reason: str | None
    after_s: float | MaybeNone
    """When it went, in seconds since the start."""


class ExceptionSummary(TypedDict):
    """Exceptions of one type from one line of the user's."""

    kind: str
    place: str
    count: int
    at_fault: int
    """Of these: in iterations in which a request was an error, too."""
    traceback: str
    """Of the first."""
    printed: list[str]
    """What the worker had printed last before the first."""


class BlockedSummary(TypedDict):
    """A line of the user's that held up all users of a worker."""

    place: str
    source: str
    times: int
    longest_ms: int
    sum_ms: int
    computes: bool
    """Whether it used the CPU meanwhile; otherwise it waited for something."""


class CollectionsSummary(TypedDict):
    """Full collections of Python's garbage collector, in which all users of a worker stand still."""

    times: int
    longest_ms: float
    sum_ms: float


class ScriptLagSummary(TypedDict):
    """How long Python kept users from making their requests, busy with others; null if they made none."""

    count: int
    p50_ns: int | None
    p99_ns: int | None
    max_ns: int | None


class FailureSummary(TypedDict):
    """What code of the user's called a failure: the request, by method and name, and the words."""

    method: str
    name: str
    error: str
    count: int


class UserCodeSummary(TypedDict):
    """Code of the user's that ran in the workers."""

    exceptions: list[ExceptionSummary]
    """The most frequent first."""
    judged: bool
    """Whether an exception fails the run."""
    failures: list[FailureSummary]
    """The most frequent first."""
    process_exit_code: int | None
    """The exit code that the code asks for, in place of 0 and 99."""
    script_lag: ScriptLagSummary
    blocked: list[BlockedSummary]
    """The longest first."""
    collections: CollectionsSummary
    programs: list[dict[str, Any]]
    """What the program of each worker says of itself."""
