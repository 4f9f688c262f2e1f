"""The summary's types: `summary.json`, as its JSON Schema beside this file describes it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

MaybeNone: TypeAlias = Any
"""A number that is null where nothing was measured. Written this way it may be compared without asking first."""


class IntervalsSummary(TypedDict):
    """The 95 % interval of each percentile.

    Where the target's own percentile lies, as far as a run of this length can say. Null without requests.
    """

    confidence: float
    n: int
    """Requests measured."""
    missing: str | None
    """Why there are no intervals."""
    p50: Interval
    p90: Interval
    p95: Interval
    p99: Interval
    p999: Interval


class Times(TypedDict):
    """Percentiles, mean, least and greatest in nanoseconds, to 0.1 %; all null where nothing was measured."""

    p50_ns: int | MaybeNone
    p90_ns: int | MaybeNone
    p95_ns: int | MaybeNone
    p99_ns: int | MaybeNone
    p999_ns: int | MaybeNone
    mean_ns: int | MaybeNone
    min_ns: int | MaybeNone
    max_ns: int | MaybeNone
    intervals: NotRequired[IntervalsSummary | None]
    """The 95 % interval of each percentile: where the target's own percentile lies, as far as a run of this length can
    say. Null without requests."""


class Interval(TypedDict):
    """Where a percentile lies with a confidence of 95 %."""

    low_ns: int | MaybeNone
    """Null: the run is too short for a lower end."""
    high_ns: int | MaybeNone
    """Null: the run is too short for an upper end."""
    n_eff: int
    """How many independent requests the measured ones are worth: `n` by the design effect of batches of time."""
    needs: int
    """How many independent requests do for both ends, at the least."""


class StepSummary(TypedDict):
    """The requests of one step, or of all."""

    scenario: str
    name: str
    method: str
    section: Literal["main", "start", "auth"]
    requests: int
    """All of them, as rows: what was sent, and what could not be."""
    errors: int
    """Those of `judged` that are errors: no complete response, or a status that the step does not expect."""
    judged: int
    """Requests that ended their step: `requests` less `hops`, `repeats` and `interrupted`."""
    error_rate: float | MaybeNone
    """`errors` by `judged`."""
    unanswered: int
    """Requests without a complete response, not counting `interrupted`. Of these `not_sent` are in no percentile; the
    others are there with the time until they failed."""
    interrupted: int
    """Requests that the end of the run cut off: neither answered nor errors, and in no percentile."""
    hops: int
    """Redirects that were followed."""
    repeats: int
    """Answers of 401 after which the request was sent again with a new token."""
    answered: int
    """Requests that ended within the measured part with a whole response, whatever its status."""
    failed: int
    """Requests that ended within it without one."""
    asked_per_s: float | MaybeNone
    """Requests that were due, per second of the measured part."""
    started_per_s: float | MaybeNone
    """Requests that were sent."""
    requests_per_s: float | MaybeNone
    """Requests that were answered."""
    failed_per_s: float | MaybeNone
    """Requests that ended without a response."""
    service: Times
    """Send to last byte."""
    response: Times
    """Due to last byte."""
    response_without_lag: Times
    """`response` less the client's own delay: what the same requests would have taken had the client not been late."""
    ttfb: Times
    """Send to first byte."""
    outcomes: dict[str, int]
    """Requests by outcome."""
    statuses: dict[str, int]
    """Responses by status code."""
    error_statuses: dict[str, int]
    """Responses whose status was the error, by status code."""
    attempts: int
    """How often requests were sent, retries included."""
    not_sent: int
    """Requests that were never sent; they are in no histogram."""
    connections: int
    """Connections opened."""
    bytes_sent: int
    bytes_received: int
    surplus_bytes: int
    """Bytes that came after the end of a response."""
    interim: int
    """Interim (1xx) responses."""


class PhaseSummary(TypedDict):
    """Requests of iterations; those of users' starts and of token calls apart."""

    requests: int
    errors: int
    requests_apart: int
    errors_apart: int


class SampledRequest(TypedDict):
    """A request that was sent."""

    origin: str
    line: str
    """The request line."""
    headers: list[list[str]]
    """Names and values in their order; those of secrets are `***`."""
    body_bytes: int


class SampledResponse(TypedDict):
    """What was answered to it."""

    line: str
    """The status line; empty if what came is not HTTP."""
    status: int | MaybeNone
    headers: list[list[str]]
    """Names and values in their order; those of secrets are `***`."""
    body: str
    r"""The beginning of the body, up to 2 KiB, without chunk framing and decompressed. A byte that is not UTF-8 is
    written as `\xNN`."""
    body_bytes: int
    cut: bool
    """Whether the body continues after the part shown."""
    unreadable: str | None
    """Why the body is not shown, or not further, if it came in a way that loadcore cannot read."""


class SampleSummary(TypedDict):
    """One failure, without secrets."""

    scenario: str
    section: Literal["main", "start", "auth"]
    step: str
    kind: Literal["outcome", "status", "check", "extract", "token", "none"]
    """How it failed."""
    what: str
    """The outcome, the status, the check's name, or the variable."""
    reason: str
    """Why, in words."""
    user: int
    iteration: int
    ended_ns: int
    """When the request ended, since the run's start."""
    request: SampledRequest | None
    """What was sent, or would have been; null if it could not be made."""
    response: SampledResponse | None
    """What came back; null if nothing did."""


class FindingSummary(TypedDict):
    """What a rule says of a run, with what to do about it."""

    subject: Literal["client", "target", "other programs", "plan", "results"]
    """Whom it is about. `results`: the files of the run."""
    severity: Literal["invalid", "suspect", "note"]
    """`invalid` decides the exit code, `suspect` heads the report, `note` does neither."""
    rule: str
    message: str
    advice: str
    value: float | MaybeNone
    limit: float | MaybeNone
    scenario: str | None
    step: str | None
    worker: int | MaybeNone
    workers: list[int]
    """Those it was seen in, if in some only; `worker` is the one with `value`."""
    first_s: int | MaybeNone
    last_s: int | MaybeNone


class Bottleneck(TypedDict):
    """Who was the limit, in one sentence."""

    subject: Literal["client", "target", "other programs", "plan", "results"] | None
    """Who was the limit; null if that is not known."""
    rule: str | None
    """The finding that says so; null if nothing was the limit, or it is not known."""
    message: str


class VerdictSummary(TypedDict):
    """What a run came to, and why."""

    status: Literal["pass", "fail", "invalid", "no_data", "interrupted", "running"]
    """`interrupted`: ended by a signal, and nothing else counts against it. `running`: the run is in progress."""
    reasons: list[str]
    suspect: list[str]
    """Reasons to doubt the numbers: what the findings of severity `suspect` say. Decides neither `status`
    nor the exit code, and heads the report."""
    advice: list[str]
    """What to do about the reasons, where that is known."""
    exit_codes: list[int]
    """Every code for which there is a reason, the deciding one first."""
    notes: list[str]
    """What a reader must know though it decides nothing: workers that were lost, and might be."""


class ThresholdSummary(TypedDict):
    """A threshold as it was judged."""

    expression: str
    state: Literal["pass", "fail", "no_data"]
    value: float | MaybeNone
    limit: float
    unit: Literal["ratio", "ns", "per_s", "count"]
    default: bool
    """It is a default: it is judged in every run where no other threshold replaces it."""
    ended_run: NotRequired[Literal[True]]
    """It did not hold for as long as `abort_after` says, and so ended the run."""
    interval: NotRequired[Interval]
    """Of thresholds on percentiles: the 95 % interval of the value. Null if there is none."""


class RatesSummary(TypedDict):
    """Per second of the measured part. `asked` has arrivals without a free user, too, each as one request."""

    asked_per_s: float | MaybeNone
    answered_per_s: float | MaybeNone
    failed_per_s: float | MaybeNone
    dropped_per_s: float | MaybeNone
    in_flight_at_end: int
    """Requests under way at its end."""


class IterationsSummary(TypedDict):
    """The iterations of a scenario."""

    due: int
    started: int
    completed: int
    failed: int
    dropped: int
    interrupted: int


class UsersSummary(TypedDict):
    """The users of a scenario."""

    planned: int
    peak: int
    lost: int
    idle_steps: int


class ScenarioSummary(TypedDict):
    """The load that one scenario offered."""

    name: str
    base_url: str | None
    model: Literal["open", "closed"]
    load: dict[str, Any] | None
    """The load model, as in `plan.json`."""
    steady_from_s: float
    """Where its measured part begins, in seconds since the start."""
    steady_s: float
    """Length of its measured part: what the rates of its steps are per."""
    rates: RatesSummary
    """Per second of the measured part. `asked` has arrivals without a free user, too, each as one request."""
    planned_iterations: int | MaybeNone
    missing_iterations: NotRequired[int]
    """Arrivals that were never due because a lost node had them; where a node was lost and chance does not decide."""
    iterations: IterationsSummary
    users: UsersSummary


class RequestsSummary(TypedDict):
    """Of all phases and sections. `sent_total` is what the target should have counted."""

    recorded: int
    sent_total: int
    not_sent: int
    unanswered: int
    """As of a step."""
    interrupted: int
    """As of a step."""
    hops: int
    """As of a step."""
    repeats: int
    """As of a step."""
    sent_again: int
    """Second attempts: a used connection was closed just when the request was sent."""
    surplus_bytes: int
    """Bytes that came after the end of responses."""
    rows: int
    rows_dropped: int


class LoadSummary(TypedDict):
    """The load that was offered."""

    scenarios: list[ScenarioSummary]
    requests: RequestsSummary
    """Of all phases and sections. `sent_total` is what the target should have counted."""


class CheckSummary(TypedDict):
    """A check: how often it was made and did not hold."""

    scenario: str
    step: str
    name: str
    evaluated: int
    failed: int


class GroupSummary(TypedDict):
    """A group: how often it was walked through, and how long that took."""

    scenario: str
    name: str
    count: int
    failed: int
    duration: Times


class ErrorSummary(TypedDict):
    """One kind of error: where, how often, when."""

    scenario: str
    section: Literal["main", "start", "auth"]
    step: str
    phase: Literal["warm_up", "steady", "ramp_down"]
    outcome: str | None
    cause: str | None
    """What the outcome means."""
    status: int | MaybeNone
    count: int
    first_s: int
    last_s: int
    policy: NotRequired[Literal["rate_limit", "authorization", "circuit_breaker"] | None]
    """By which policy the target answers so: 429, 401 and 403, a 503 with Retry-After. Null for a failure."""


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


class PhasesSummary(TypedDict):
    """Requests by phase."""

    warm_up: PhaseSummary
    steady: PhaseSummary
    ramp_down: PhaseSummary


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


class RevisionSummary(TypedDict):
    """Where a git repository stood."""

    commit: str
    branch: str | None
    dirty: bool | None
    """Whether tracked files differed from the commit; null where git could not say in time."""


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


class Summary(TypedDict):
    """summary.json of a run.

    Headline numbers are of the steady phase and of the steps of iterations. Later versions may add keys.
    """

    schema_version: Literal[1]
    run_id: str
    name: str
    started_at: str
    duration_s: float
    """From the start to the end of the last worker."""
    steady_s: float
    """Length of the measured part, from the end of the warm-up to the last planned end, or to where the run was if it
    ended before: what the rates of `all` are per."""
    truncated: bool
    """The run was killed or is in progress: this is what was written until then."""
    exit_code: int
    verdict: VerdictSummary
    findings: list[FindingSummary]
    """What the rules found: who was the limit, with the figure and what to do about it."""
    bottleneck: NotRequired[Bottleneck]
    thresholds: list[ThresholdSummary]
    load: LoadSummary
    steps: list[StepSummary]
    all: StepSummary
    checks: list[CheckSummary]
    groups: list[GroupSummary]
    errors: list[ErrorSummary]
    """What went wrong in all phases, the most frequent first. Exactly one of `outcome` and `status` is given."""
    samples: list[SampleSummary]
    """What failures looked like: the first of each kind, at most 16 of a step and 256 of a run. Secrets are `***`."""
    client: ClientSummary
    phases: PhasesSummary
    machine: dict[str, Any]
    limits: dict[str, Any]
    versions: dict[str, str]
    seed: int
    plan_sha256: str
    tags: NotRequired[dict[str, str]]
    """What the run was tagged with."""
    revision: NotRequired[RevisionSummary | None]
    """Of the git repository that the run was started in; null outside of one."""
    comparable_sha256: NotRequired[str]
    """Of the plan without its seed and the targets' addresses: runs that share it can be compared."""
    calibration: NotRequired[CalibrationSummary | None]
    """What was measured against a null target before the run; null where nothing was."""
    workers_lost: list[LostWorkerSummary]
    signal: Literal["SIGINT", "SIGTERM", "SIGHUP"] | None
    start_skew_ns: NotRequired[int]
    """By how much the nodes of a run on several may have begun apart, at the most."""
    nodes: NotRequired[list[NodeSummary]]
    """The machines of a run on several."""
    user_code: NotRequired[UserCodeSummary]
    """What happened in code of the user's that ran in the workers."""
