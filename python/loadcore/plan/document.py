"""The plan: what a run is to do, as data.

The shapes here are those of the engine's plan, field by field: durations are whole nanoseconds in `*_ns` fields,
strings may contain `{variables}`, `at` is the place in the user's file. What a field means is documented with the
engine's types.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

Pair: TypeAlias = tuple[str, str]
Range: TypeAlias = tuple[int, int]


class JsonText(TypedDict):
    """A value that is not a string, as JSON text: its numbers keep their digits."""

    json: str


LiteralPlan: TypeAlias = str | int | bool | JsonText | None
"""A value as the user wrote it."""


class EnvSecret(TypedDict):
    """A secret that the engine reads from the environment."""

    env: str


class TextSecret(TypedDict):
    """A secret in the plan."""

    text: str


SecretPlan: TypeAlias = EnvSecret | TextSecret


class AuthPlan(TypedDict):
    """A named way to authenticate."""

    name: str
    way: WayPlan
    at: NotRequired[str]


class WayPlan(TypedDict):
    """What is sent, and where it comes from; what it holds depends on its kind."""

    kind: Literal["bearer", "basic", "api_key", "oauth2", "login"]
    token: NotRequired[SecretPlan | ExtractFromPlan]
    username: NotRequired[SecretPlan]
    password: NotRequired[SecretPlan]
    key: NotRequired[SecretPlan]
    name: NotRequired[str]
    place: NotRequired[Literal["header", "query"]]
    token_url: NotRequired[str]
    grant: NotRequired[GrantPlan]
    client: NotRequired[ClientPlan]
    scope: NotRequired[str]
    form: NotRequired[list[tuple[str, SecretPlan]]]
    headers: NotRequired[list[Pair]]
    shared: NotRequired[int]
    refresh_before_ns: NotRequired[int]
    step: NotRequired[str]
    request: NotRequired[StepPlan]
    expires_in: NotRequired[ExtractFromPlan]
    lifetime_ns: NotRequired[int]
    header: NotRequired[str]
    prefix: NotRequired[str]


class GrantPlan(TypedDict):
    """How the first token is got."""

    grant: Literal["password", "client_credentials", "refresh_token"]
    username: NotRequired[SecretPlan]
    password: NotRequired[SecretPlan]
    refresh_token: NotRequired[SecretPlan]


class ClientPlan(TypedDict):
    """Who asks for a token. A public client has no secret."""

    id: SecretPlan
    secret: NotRequired[SecretPlan]
    place: Literal["header", "body"]


class SourcePlan(TypedDict):
    """Where rows are: a file's path, or the rows themselves."""

    kind: Literal["csv", "json", "json_lines", "rows"]
    path: NotRequired[str]
    delimiter: NotRequired[str]
    columns: NotRequired[list[str]]
    rows: NotRequired[list[list[LiteralPlan]]]


class FeederPlan(TypedDict):
    """A table of rows that are dealt out to iterations."""

    name: str
    source: SourcePlan
    order: str
    at_end: str
    at: NotRequired[str]


class TimeoutsPlan(TypedDict):
    """Deadlines of a request."""

    connect_ns: int
    first_byte_ns: NotRequired[int]
    total_ns: int


class LimitsPlan(TypedDict):
    """What a response may be at most."""

    head_bytes: int
    header_count: int
    body_bytes: int
    kept_body_bytes: int
    chunk_extension_bytes: int
    trailer_bytes: int
    interim_count: int


class TlsPlan(TypedDict):
    """How `https` targets are verified."""

    ca_file: NotRequired[str]
    insecure: bool
    server_name: NotRequired[str]
    resumption: str


class UpstreamHeaderPlan(TypedDict):
    """A response header that holds a time."""

    name: str
    unit_ns: int


class HttpPlan(TypedDict):
    """How a run speaks HTTP."""

    version: str
    timeouts: TimeoutsPlan
    reuse: str
    limits: LimitsPlan
    tls: TlsPlan
    max_redirects: int
    cookies: bool | str
    user_agent: NotRequired[str]
    upstream_header: NotRequired[UpstreamHeaderPlan]
    trace_sample: NotRequired[float]


class RatePlan(TypedDict):
    """`count` iterations every `per_ns`."""

    count: int
    per_ns: int


class StagePlan(TypedDict):
    """A straight line to a number of users or to a rate."""

    users: NotRequired[int]
    rate: NotRequired[RatePlan]
    duration_ns: int


class LoadPlan(TypedDict):
    """How load is offered; what it holds depends on its kind."""

    kind: Literal["users", "user_stages", "arrival_rate", "arrival_stages", "iterations", "script"]
    users: NotRequired[int]
    duration_ns: NotRequired[int]
    start: NotRequired[int | RatePlan]
    stages: NotRequired[list[StagePlan]]
    rate: NotRequired[RatePlan]
    max_users: NotRequired[int]
    arrivals: NotRequired[str]
    iterations: NotRequired[int]
    scope: NotRequired[Literal["per_user", "shared"]]
    max_duration_ns: NotRequired[int]


class ThinkPlan(TypedDict):
    """A distribution of pauses."""

    distribution: Literal["constant", "uniform", "exponential"]
    ns: NotRequired[int]
    min_ns: NotRequired[int]
    max_ns: NotRequired[int]
    mean_ns: NotRequired[int]


class ComparisonPlan(TypedDict):
    """How a value compares, and with what."""

    operator: str
    value: LiteralPlan


class CheckPlan(TypedDict):
    """A named claim about a response."""

    name: str
    claim: ClaimPlan
    stop: NotRequired[bool]


class ClaimPlan(TypedDict):
    """What is claimed; what it holds depends on its kind."""

    kind: Literal["status", "header", "json", "contains", "regex", "size", "service_time"]
    ranges: NotRequired[list[Range]]
    header: NotRequired[str]
    path: NotRequired[str]
    text: NotRequired[str]
    pattern: NotRequired[str]
    compare: NotRequired[ComparisonPlan]


class ExtractFromPlan(TypedDict):
    """Where an extracted value is."""

    kind: Literal["json", "regex", "header"]
    path: NotRequired[str]
    pick: NotRequired[Literal["first", "random", "all"]]
    pattern: NotRequired[str]
    name: NotRequired[str]


ExtractPlan = TypedDict(
    "ExtractPlan",
    {"variable": str, "from": ExtractFromPlan, "default": NotRequired[str], "optional": NotRequired[bool]},
)
"""Takes a value from a response into a variable."""


class PartPlan(TypedDict):
    """A part of a multipart body."""

    name: str
    filename: NotRequired[str]
    content_type: NotRequired[str]
    text: NotRequired[str]
    base64: NotRequired[str]


class BodyPlan(TypedDict):
    """A request's body; what it holds depends on its kind."""

    kind: Literal["json", "form", "text", "bytes", "multipart"]
    fields: NotRequired[list[Pair]]
    text: NotRequired[str]
    base64: NotRequired[str]
    content_type: NotRequired[str]
    parts: NotRequired[list[PartPlan]]


class StepPlan(TypedDict, total=False):
    """One node of a flow; what it holds depends on its kind."""

    kind: Literal["request", "think", "group", "choice", "repeat", "branch", "script"]
    at: str
    # A request.
    name: str
    method: str
    url: str
    query: list[Pair]
    headers: list[Pair]
    body: BodyPlan
    auth: str
    anonymous: bool
    expect: list[Range]
    checks: list[CheckPlan]
    extracts: list[ExtractPlan]
    timeouts: TimeoutsPlan
    max_redirects: int
    # A pause.
    distribution: str
    ns: int
    min_ns: int
    max_ns: int
    mean_ns: int
    # A group (with its name), a repetition, a choice, a branch.
    steps: list[StepPlan]
    times: int
    options: list[tuple[int, list[StepPlan]]]
    turns: list[int]
    variable: str
    test: Literal["exists"] | dict[Literal["compare"], ComparisonPlan]
    then: list[StepPlan]
    otherwise: list[StepPlan]
    # A function of the user's (with its name): its place among the plan's scripts.
    script: int


class ScriptPlan(TypedDict):
    """A function of the user's, and where a worker finds it: in a file, or in the plan itself."""

    name: str
    calls: list[str]
    notes: NotRequired[list[str]]
    at: NotRequired[str]
    sha256: NotRequired[str]
    file: NotRequired[str]
    module: NotRequired[str]
    root: NotRequired[str]
    qualified: NotRequired[str]
    method: NotRequired[str]
    pickled: NotRequired[str]


class ScenarioPlan(TypedDict):
    """One flow and the load it is put under."""

    name: str
    base_url: str
    load: LoadPlan
    start_after_ns: int
    pacing: NotRequired[ThinkPlan]
    headers: list[Pair]
    auth: NotRequired[str]
    feeders: list[str]
    on_start: list[StepPlan]
    on_stop: NotRequired[list[StepPlan]]
    steps: list[StepPlan]
    script: NotRequired[bool]
    at: NotRequired[str]


class PlanDocument(TypedDict):
    """A whole run."""

    version: int
    name: str
    seed: int
    warm_up_ns: int | None
    """None: a script says when the warm-up ends."""
    graceful_stop_ns: int
    samples: NotRequired[Literal["failures", "everything"]]
    http: HttpPlan
    feeders: list[FeederPlan]
    auth: list[AuthPlan]
    scripts: NotRequired[list[ScriptPlan]]
    scenarios: list[ScenarioPlan]
