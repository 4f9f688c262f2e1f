"""The options of the commands, each declared once.

A duration or a rate without its unit is refused here, as a bad argument, before anything is loaded.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from loadcore.cli.stages import checked_users
from loadcore.units import parse_duration, parse_rate


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


def _valid(check: Callable[[Any], object]) -> Callable[[Any], Any]:
    """A typer callback that refuses what `check` refuses and hands on what the user wrote."""

    def callback(value: Any) -> Any:  # noqa: ANN401 - text, a list, or None
        if value is not None:
            try:
                check(value)
            except ValueError as problem:
                raise typer.BadParameter(str(problem)) from None
        return value

    return callback


def _pairs(separator: str, example: str) -> Callable[[list[str]], object]:
    def check(values: list[str]) -> None:
        for number, value in enumerate(values, start=1):
            name, found, _ = value.partition(separator)
            if not found or not name.strip():
                # What it is stays unsaid: it may be a secret.
                which = f"the {number}. of them" if len(values) > 1 else "it"
                raise ValueError(f'{which} has no name with a "{separator}" after it: write it as "{example}"')

    return check


def _list(variable: str, check: Callable[[list[str]], object] | None = None) -> Callable[[list[str]], list[str]]:
    """A typer callback of an option that may be repeated, or comes from a variable with `;` between the values.

    The parser itself would cut a variable at spaces, which these values have.
    """

    def callback(values: list[str]) -> list[str]:
        found = values or [text.strip() for text in os.environ.get(variable, "").split(";") if text.strip()]
        return found if check is None else list(_valid(check)(found))

    return callback


def _thresholds(expressions: list[str]) -> None:
    """Refuses what is not a threshold. Whether it names a step of the scenario is found out later."""
    from loadcore.thresholds import parse

    for expression in expressions:
        parse(expression)


def _base_url(text: str) -> None:
    """Refuses what is not the address of an HTTP server."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ValueError(f"a base URL begins with http:// or https://: write http://{text.rpartition('@')[2]}")
    if scheme not in {"http", "https"} or not rest.strip("/"):
        raise ValueError("a base URL begins with http:// or https://, and names a host")


def _lasting(text: object) -> None:
    """Refuses what is no duration, and a duration of 0."""
    if not parse_duration(text):
        raise ValueError(f'"{text}" is no time at all: write it as "30s"')


def _flowing(text: object) -> None:
    """Refuses what is no rate, and a rate of 0."""
    if not parse_rate(text).count:
        raise ValueError(f'"{text}" starts nothing: write it as "400/s"')


def _upstream_header(text: str) -> None:
    """Refuses what is not the name of a header, with or without a unit."""
    from loadcore.compiler.settings import parse_upstream_header

    parse_upstream_header(text)


valid_duration = _valid(_lasting)
"""Callback of options that take a duration which may not be 0."""

valid_moment = _valid(parse_duration)
"""Callback of options that take a duration which may be 0."""

valid_rate = _valid(_flowing)
"""Callback of options that take a rate, which may not be 0."""

valid_headers = _valid(_pairs(":", "Accept: text/html"))
"""Callback of an option that takes header lines."""

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
        callback=_valid(checked_users),
        help="Closed loop: users of each scenario. Stages as USERS:DURATION, each moving on to the next: "
        "0:10s,1000:20s.",
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        envvar="LOADCORE_RATE",
        callback=valid_rate,
        help="Open loop: iterations started per second by each scenario, whatever the target does.",
    ),
]
MaxUsers = Annotated[
    int | None,
    typer.Option(
        "--max-users",
        min=1,
        metavar="NUMBER",
        envvar="LOADCORE_MAX_USERS",
        help="With --rate: an arrival that finds so many users busy is dropped and counted.",
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        "-d",
        metavar="DURATION",
        envvar="LOADCORE_DURATION",
        callback=valid_duration,
        help="For how long: 30s, 1m30s.",
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option(
        "--iterations",
        min=1,
        metavar="NUMBER",
        envvar="LOADCORE_ITERATIONS",
        help="So many iterations, shared by all users.",
    ),
]
WarmUp = Annotated[
    str | None,
    typer.Option(
        "--warm-up",
        metavar="DURATION",
        envvar="LOADCORE_WARM_UP",
        callback=valid_moment,
        help="Requests due before this time stay out of the summary.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="NUMBER",
        envvar="LOADCORE_WORKERS",
        help="Worker processes; one per allowed core if not given.",
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        "-H",
        metavar="URL",
        envvar="LOADCORE_HOST",
        callback=_valid(_base_url),
        help="Base URL instead of the scenario's.",
    ),
]
Env = Annotated[
    list[str],
    typer.Option(
        "--env",
        "-e",
        metavar="KEY=VALUE",
        callback=_list("LOADCORE_ENV", _pairs("=", "REGION=eu")),
        help="An environment variable for the scenario file. May be repeated. [env var: LOADCORE_ENV, separated by ;]",
    ),
]
Threshold = Annotated[
    list[str],
    typer.Option(
        "--threshold",
        metavar="EXPRESSION",
        callback=_list("LOADCORE_THRESHOLD", _thresholds),
        help='Decides the exit code: "errors.rate < 1%", "response.p95 < 250ms". May be repeated. '
        "[env var: LOADCORE_THRESHOLD, separated by ;]",
    ),
]
AbortOn = Annotated[
    list[str],
    typer.Option(
        "--abort-on",
        metavar="EXPRESSION",
        callback=_list("LOADCORE_ABORT_ON", _thresholds),
        help="A threshold that ends the run when it has not held for 5 s on end. "
        "[env var: LOADCORE_ABORT_ON, separated by ;]",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, metavar="NUMBER", envvar="LOADCORE_SEED", help="Where every random choice comes from."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FOLDER", envvar="LOADCORE_OUT", help="Run folder to create; runs/<id> if not given."
    ),
]
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
QuietLong = Annotated[bool, typer.Option("--quiet", envvar="LOADCORE_QUIET", help="No progress and no notes.")]
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
        help="A process of the target on this machine, where it is not the one that listens at the base URL.",
    ),
]
TargetCgroup = Annotated[
    str | None,
    typer.Option(
        "--target-cgroup",
        metavar="PATH",
        envvar="LOADCORE_TARGET_CGROUP",
        help="The target's control group on this machine: its CPU and its quota are watched.",
    ),
]
TargetMetrics = Annotated[
    str | None,
    typer.Option(
        "--target-metrics",
        metavar="URL",
        envvar="LOADCORE_TARGET_METRICS",
        help="The target's Prometheus metrics, or a query of Prometheus that counts its cores.",
    ),
]
UpstreamHeader = Annotated[
    str | None,
    typer.Option(
        "--upstream-header",
        metavar="NAME[=UNIT]",
        envvar="LOADCORE_UPSTREAM_HEADER",
        callback=_valid(_upstream_header),
        help="A response header that tells how long the target's upstream took: X-Backend-Time=s. Milliseconds by "
        "default.",
    ),
]
AllowLostWorkers = Annotated[
    bool,
    typer.Option(
        "--allow-lost-workers",
        envvar="LOADCORE_ALLOW_LOST_WORKERS",
        help="A run that lost a worker process may still be valid.",
    ),
]
StrictClient = Annotated[
    bool,
    typer.Option(
        "--strict-client/--no-strict-client",
        envvar="LOADCORE_STRICT_CLIENT",
        help="Whether exit code 111 says that the client was the limit.",
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate/--no-calibrate",
        envvar="LOADCORE_CALIBRATE",
        help="Whether a rate that may be too much for this machine is measured against a null target first.",
    ),
]
