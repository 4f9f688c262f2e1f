"""The types of `summary.json` that say how requests, checks and groups ended."""

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
    """Why the intervals are missing."""
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
