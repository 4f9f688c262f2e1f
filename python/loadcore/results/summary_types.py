"""The summary's types: `summary.json`, as its JSON Schema beside this file describes it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from loadcore.results.client_types import (  # noqa: TC001 - read at run time, with the hints
    CalibrationSummary,
    ClientSummary,
    LostWorkerSummary,
    NodeSummary,
    UserCodeSummary,
)
from loadcore.results.request_types import (  # noqa: TC001 - read at run time, with the hints
    CheckSummary,
    ErrorSummary,
    GroupSummary,
    Interval,
    MaybeNone,
    PhaseSummary,
    SampleSummary,
    StepSummary,
)


class FindingSummary(TypedDict):
    """What a rule says of a run, with what to do about it."""

    subject: Literal["client", "script", "target", "other programs", "plan", "results"]
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

    subject: Literal["client", "script", "target", "other programs", "plan", "results"] | None
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


class OrderSummary(TypedDict):
    """A change of a scenario's load while the run lasted."""

    at_s: float
    """From when on, in seconds since the start."""
    scenario: str
    change: str
    """`pause`, `resume`, `users 200` or `rate 300/s`."""
    users: int | None
    """How many, if it is about users."""
    per_s: float | None
    """The rate, if it is about one."""


class LoadSummary(TypedDict):
    """The load that was offered."""

    scenarios: list[ScenarioSummary]
    requests: RequestsSummary
    """Of all phases and sections. `sent_total` is what the target should have counted."""
    orders: NotRequired[list[OrderSummary]]
    """What was changed while the run lasted, where something was."""


class PhasesSummary(TypedDict):
    """Requests by phase."""

    warm_up: PhaseSummary
    steady: PhaseSummary
    ramp_down: PhaseSummary


class RevisionSummary(TypedDict):
    """Where a git repository stood."""

    commit: str
    branch: str | None
    dirty: bool | None
    """Whether tracked files differed from the commit; null where git could not say in time."""


class SlowTrace(TypedDict):
    """One of the slowest requests that carried a `traceparent`."""

    scenario: str
    step: str
    section: str
    """`main`, `start` or `auth`."""
    trace_id: str
    """The id of its trace, as in its `traceparent`."""
    end_s: float
    """When it ended, in seconds since the start."""
    service_ns: int
    response_ns: int
    status: int | None
    outcome: str


class TracesSummary(TypedDict):
    """Requests that carried a `traceparent`."""

    sample: float
    """The share of requests that did."""
    url: str | None
    """Where a trace is shown, with `{trace_id}` in place of its id; null if the run was not told."""
    slowest: list[SlowTrace]
    """Of iterations in the steady phase, and of starts and token calls in all; the slowest first."""


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
    """Of the plan as it was carried out, with its changes and without its seed and the targets' addresses: runs that
    share it can be compared."""
    calibration: NotRequired[CalibrationSummary | None]
    """What was measured against a null target before the run; null where nothing was."""
    workers_lost: list[LostWorkerSummary]
    signal: Literal["SIGINT", "SIGTERM", "SIGHUP"] | None
    start_skew_ns: NotRequired[int]
    """By how much the nodes of a run on several may have begun apart, at the most."""
    nodes: NotRequired[list[NodeSummary]]
    """The machines of a run on several."""
    traces: NotRequired[TracesSummary]
    """Requests that carried a `traceparent`, where some did."""
    user_code: NotRequired[UserCodeSummary]
    """What happened in code of the user's that ran in the workers."""
