"""The options of the commands, each declared once.

A letter or a long name means the same in every command.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli.option_values import (
    address,
    checked,
    http_url,
    length,
    number,
    pairs,
    setting,
    several,
    trace_url,
)


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Progress(StrEnum):
    """How to show a run while it runs."""

    AUTO = "auto"
    LIVE = "live"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


RunFolder = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run folder, or of a run in runs/ its id, the beginning of it, or latest."),
]
Scenario = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file; FILE.py:NAME picks one of several.")
]
Users = Annotated[
    str | None,
    typer.Option(
        "--users",
        "-u",
        metavar="NUMBER",
        envvar="LOADCORE_USERS",
        callback=setting("users"),
        help="Closed loop: users per scenario, or stages as USERS:DURATION, each leading to the next: 0:10s,1000:20s.",
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        envvar="LOADCORE_RATE",
        callback=setting("rate"),
        help="Open loop: iterations to start per second in each scenario, whatever the target does.",
    ),
]
MaxUsers = Annotated[
    str | None,
    typer.Option(
        "--max-users",
        metavar="NUMBER",
        envvar="LOADCORE_MAX_USERS",
        callback=setting("max_users"),
        help="With --rate: the most users at once; arrivals beyond it are dropped and counted.",
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        "-d",
        "-z",
        metavar="DURATION",
        envvar="LOADCORE_DURATION",
        callback=length,
        help="Duration of the load: 30s, 1m30s.",
    ),
]
Iterations = Annotated[
    str | None,
    typer.Option(
        "--iterations",
        metavar="NUMBER",
        envvar="LOADCORE_ITERATIONS",
        callback=setting("iterations"),
        help="Number of iterations, shared by all users.",
    ),
]
WarmUp = Annotated[
    str | None,
    typer.Option(
        "--warm-up",
        metavar="DURATION",
        envvar="LOADCORE_WARM_UP",
        callback=setting("warm_up"),
        help="Exclude requests due before this offset from the summary.",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="NUMBER",
        envvar="LOADCORE_WORKERS",
        callback=number("workers"),
        help="Worker processes; one per allowed core by default.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        "--host",
        metavar="URL",
        envvar=["LOADCORE_BASE_URL", "LOADCORE_HOST"],
        callback=setting("base_url"),
        help="Address of the target, instead of the scenario's.",
    ),
]
Env = Annotated[
    list[str],
    typer.Option(
        "--env",
        "-e",
        metavar="KEY=VALUE",
        callback=several("LOADCORE_ENV", pairs("=", "REGION=eu")),
        help="Set an environment variable for the scenario file. May be repeated. "
        "[env var: LOADCORE_ENV, separated by ;]",
    ),
]
Thresholds = Annotated[
    list[str],
    typer.Option(
        "--threshold",
        metavar="EXPRESSION",
        callback=several("LOADCORE_THRESHOLD", "thresholds"),
        help='Decides the exit code: "errors.rate < 1%", "response.p95 < 250ms". May be repeated. '
        "[env var: LOADCORE_THRESHOLD, separated by ;]",
    ),
]
AbortOn = Annotated[
    list[str],
    typer.Option(
        "--abort-on",
        metavar="EXPRESSION",
        callback=several("LOADCORE_ABORT_ON", "abort_on"),
        help="A threshold that ends the run after failing for 5 s in a row. "
        "[env var: LOADCORE_ABORT_ON, separated by ;]",
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", envvar="LOADCORE_NAME", help="Name of the run; the scenario's by default."),
]
Tags = Annotated[
    list[str],
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        callback=several("LOADCORE_TAG", pairs("=", "build=17")),
        help="Tag the run, to find it again. May be repeated. [env var: LOADCORE_TAG, separated by ;]",
    ),
]
Seed = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="NUMBER",
        envvar="LOADCORE_SEED",
        callback=number("seed"),
        help="Seed of all random choices.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FOLDER", envvar="LOADCORE_OUT", help="Run folder to create; runs/<id> by default."
    ),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", envvar="LOADCORE_HTML", help="Write the report as one HTML page."),
]
Markdown = Annotated[
    Path | None,
    typer.Option(
        "--markdown", metavar="FILE", envvar="LOADCORE_MARKDOWN", help="Write the report as Markdown, for a comment."
    ),
]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", envvar="LOADCORE_JUNIT", help="Write thresholds and checks as JUnit XML."),
]
GitlabMetrics = Annotated[
    Path | None,
    typer.Option(
        "--gitlab-metrics",
        metavar="FILE",
        envvar="LOADCORE_GITLAB_METRICS",
        help="Write a metrics report of GitLab (OpenMetrics).",
    ),
]
Benchmark = Annotated[
    Path | None,
    typer.Option(
        "--benchmark",
        metavar="FILE",
        envvar="LOADCORE_BENCHMARK",
        help="Write customSmallerIsBetter JSON, for github-action-benchmark.",
    ),
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", envvar="LOADCORE_CSV", help="Write every request as CSV.")
]
Parquet = Annotated[
    Path | None,
    typer.Option("--parquet", metavar="FILE", envvar="LOADCORE_PARQUET", help="Write every request as Parquet."),
]
Prometheus = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="[HOST:]PORT",
        envvar="LOADCORE_PROMETHEUS",
        callback=checked(address),
        help="Serve metrics for Prometheus to scrape while it runs; on 127.0.0.1 unless a host is named.",
    ),
]
Otlp = Annotated[
    str | None,
    typer.Option(
        "--otlp",
        metavar="URL",
        envvar="LOADCORE_OTLP",
        callback=checked(http_url),
        help="Push metrics to an OpenTelemetry collector (OTLP over HTTP) every 5 s.",
    ),
]
RemoteWrite = Annotated[
    str | None,
    typer.Option(
        "--remote-write",
        metavar="URL",
        envvar="LOADCORE_REMOTE_WRITE",
        callback=checked(http_url),
        help="Push metrics by Prometheus' remote write every 5 s.",
    ),
]
Runs = Annotated[
    int | None,
    typer.Option("--runs", min=1, metavar="NUMBER", envvar="LOADCORE_RUNS", help="Number of runs, one after another."),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="NAME",
        envvar="LOADCORE_BASELINE",
        help="Compare with this set of runs, and exit with 112 if these are slower. A verdict needs --runs 5.",
    ),
]
SaveBaseline = Annotated[
    str | None,
    typer.Option(
        "--save-baseline",
        metavar="NAME",
        envvar="LOADCORE_SAVE_BASELINE",
        help="Keep these runs as a baseline of that name, in place of those that it had.",
    ),
]
Metrics = Annotated[
    list[str],
    typer.Option(
        "--metric",
        metavar="NAME[=PERCENT]",
        envvar="LOADCORE_METRIC",
        help="What decides, up to 4: response.p50, service.p99, errors.rate, throughput, client.cpu; with the smallest "
        "change that counts: response.p99=20%. May be repeated.",
    ),
]
MinEffect = Annotated[
    str | None,
    typer.Option(
        "--min-effect",
        metavar="PERCENT",
        envvar="LOADCORE_MIN_EFFECT",
        help="Smallest change that counts; by default 5%, of p95 and above 10%, of errors 1 percentage point.",
    ),
]
RequirePower = Annotated[
    bool,
    typer.Option(
        "--require-power",
        envvar="LOADCORE_REQUIRE_POWER",
        help="Exit with 114 if the runs are too few or too different to exclude a change that counts.",
    ),
]
Ui = Annotated[bool, typer.Option("--ui", envvar="LOADCORE_UI", help="Show the run in the browser, on 127.0.0.1.")]
Json = Annotated[bool, typer.Option("--json", envvar="LOADCORE_JSON", help="Print one JSON document on stdout.")]
ProgressView = Annotated[
    Progress,
    typer.Option(
        "--progress",
        envvar="LOADCORE_PROGRESS",
        help="auto: live on a terminal, else a line every few seconds. Percentiles are of the last 5 s.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", envvar="LOADCORE_QUIET", help="No progress and no notes.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also show the stored requests and responses.")]
ColorChoice = Annotated[
    Color, typer.Option("--color", envvar="LOADCORE_COLOR", help="auto follows NO_COLOR, FORCE_COLOR and TERM.")
]
TargetPid = Annotated[
    int | None,
    typer.Option(
        "--target-pid",
        min=1,
        metavar="PID",
        envvar="LOADCORE_TARGET_PID",
        help="PID of the target on this machine, if it is not the process that listens at the base URL.",
    ),
]
TargetCgroup = Annotated[
    str | None,
    typer.Option(
        "--target-cgroup",
        metavar="PATH",
        envvar="LOADCORE_TARGET_CGROUP",
        help="Control group of the target on this machine, to watch its CPU and quota.",
    ),
]
TargetMetrics = Annotated[
    str | None,
    typer.Option(
        "--target-metrics",
        metavar="URL",
        envvar="LOADCORE_TARGET_METRICS",
        help="URL of the target's Prometheus metrics, or of a Prometheus query that returns its cores.",
    ),
]
UpstreamHeader = Annotated[
    str | None,
    typer.Option(
        "--upstream-header",
        metavar="NAME[=UNIT]",
        envvar="LOADCORE_UPSTREAM_HEADER",
        callback=setting("upstream_header"),
        help="Response header with the time the target's upstream took: X-Backend-Time=s. Milliseconds by default.",
    ),
]
TraceSample = Annotated[
    str | None,
    typer.Option(
        "--trace-sample",
        metavar="SHARE",
        envvar="LOADCORE_TRACE_SAMPLE",
        callback=setting("trace_sample"),
        help="Share of the requests that carry a traceparent header: 1%. None do by default.",
    ),
]
TraceUrl = Annotated[
    str | None,
    typer.Option(
        "--trace-url",
        metavar="URL",
        envvar="LOADCORE_TRACE_URL",
        callback=checked(trace_url),
        help="Where a trace is shown, for links in reports: https://tempo.example/trace/{trace_id}.",
    ),
]
AllowLostWorkers = Annotated[
    bool,
    typer.Option(
        "--allow-lost-workers",
        envvar="LOADCORE_ALLOW_LOST_WORKERS",
        help="Keep a run valid that lost a worker process.",
    ),
]
StrictClient = Annotated[
    bool,
    typer.Option(
        "--strict-client/--no-strict-client",
        envvar="LOADCORE_STRICT_CLIENT",
        help="Exit with 111 if the client was the bottleneck.",
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate/--no-calibrate",
        envvar="LOADCORE_CALIBRATE",
        help="Before a high rate, measure against a null target whether this machine can drive it.",
    ),
]
IncludeRamp = Annotated[
    bool,
    typer.Option(
        "--include-ramp",
        envvar="LOADCORE_INCLUDE_RAMP",
        help="Locust files: measure while users are started, too, as Locust does.",
    ),
]
NumberOfUsers = Annotated[
    int, typer.Option("--users", "-u", min=1, metavar="NUMBER", help="Number of concurrent users.")
]
GatewayWorkers = Annotated[int, typer.Option("--gateway-workers", min=1, help="Number of gateway processes.")]
