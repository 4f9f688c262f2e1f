"""The groups in which commands take options."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from loadcore.cli.options import (
    AbortOn,
    AllowLostWorkers,
    Baseline,
    BaseUrl,
    Benchmark,
    Calibrate,
    Color,
    ColorChoice,
    Csv,
    Duration,
    Env,
    GitlabMetrics,
    Html,
    IncludeRamp,
    Iterations,
    Json,
    Junit,
    Markdown,
    MaxUsers,
    Metrics,
    MinEffect,
    Name,
    Otlp,
    Out,
    Parquet,
    Progress,
    ProgressView,
    Prometheus,
    Quiet,
    Rate,
    RemoteWrite,
    RequirePower,
    Runs,
    SaveBaseline,
    Seed,
    StrictClient,
    Tags,
    TargetCgroup,
    TargetMetrics,
    TargetPid,
    Thresholds,
    TraceSample,
    TraceUrl,
    Ui,
    UpstreamHeader,
    Users,
    WarmUp,
    Workers,
)

Command = TypeVar("Command", bound=Callable[..., int])


def takes(*groups: type) -> Callable[[Command], Command]:
    """A decorator that gives a command the options of these groups. It finds their values in its context's `params`.

    Args:
        groups: Classes whose fields are options with their defaults.
    """

    def decorate(function: Command) -> Command:
        own = inspect.signature(function)
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(group, name), annotation=option)
            for group in groups
            for name, option in inspect.get_annotations(group).items()
        ]

        @wraps(function)
        def command(**arguments: Any) -> int:  # noqa: ANN401 - options are of many types
            return function(**{name: arguments[name] for name in own.parameters})

        command.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # type: ignore[attr-defined]
        command.__annotations__ = {**function.__annotations__, **{each.name: each.annotation for each in added}}
        return command  # type: ignore[return-value]

    return decorate


class Load:
    """The load of scenarios, and the target."""

    users: Users = None
    rate: Rate = None
    max_users: MaxUsers = None
    duration: Duration = None
    iterations: Iterations = None
    base_url: BaseUrl = None
    env: Env = []  # noqa: RUF012 - read by the parser only


class Judging:
    """What is judged, and by what."""

    warm_up: WarmUp = None
    upstream_header: UpstreamHeader = None
    thresholds: Thresholds = []  # noqa: RUF012 - read by the parser only
    abort_on: AbortOn = []  # noqa: RUF012 - read by the parser only


class Processes:
    """How a load is carried out."""

    workers: Workers = None
    seed: Seed = None


class Watching:
    """Where the target is watched."""

    target_pid: TargetPid = None
    target_cgroup: TargetCgroup = None
    target_metrics: TargetMetrics = None


class Coloring:
    """When to colour."""

    color: ColorChoice = Color.AUTO


class Output:
    """How a result is printed."""

    as_json: Json = False
    color: ColorChoice = Color.AUTO


class Comparing:
    """How runs are compared."""

    metric: Metrics = []  # noqa: RUF012 - read by the parser only
    min_effect: MinEffect = None
    require_power: RequirePower = False


class Repeating:
    """How often a scenario is run, and with what it is compared."""

    runs: Runs = None
    baseline: Baseline = None
    save_baseline: SaveBaseline = None


class Naming:
    """What a run is called."""

    name: Name = None
    tags: Tags = []  # noqa: RUF012 - read by the parser only


class Showing:
    """How a run is shown and where it is kept."""

    out: Out = None
    progress: ProgressView = Progress.AUTO
    quiet: Quiet = False


class Documents:
    """What is written besides the run folder."""

    html: Html = None
    markdown: Markdown = None
    junit: Junit = None
    gitlab_metrics: GitlabMetrics = None
    benchmark: Benchmark = None
    csv: Csv = None
    parquet: Parquet = None


class LivePage:
    """Whether a run is shown in the browser."""

    ui: Ui = False


class Telemetry:
    """Where metrics go while it runs."""

    prometheus: Prometheus = None
    otlp: Otlp = None
    remote_write: RemoteWrite = None


class Tracing:
    """Which requests are traced, and where traces are shown."""

    trace_sample: TraceSample = None
    trace_url: TraceUrl = None


class Strictness:
    """What makes a run invalid."""

    allow_lost_workers: AllowLostWorkers = False
    strict_client: StrictClient = True


class Calibration:
    """What is measured before a run."""

    calibrate: Calibrate = True


class Ramp:
    """What is measured of a Locust file."""

    include_ramp: IncludeRamp = False
