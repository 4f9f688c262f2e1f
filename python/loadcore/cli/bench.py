"""`loadcore bench URL`: one request, again and again, without a scenario file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from loadcore import config
from loadcore.cli.console import standard
from loadcore.cli.execute import Output, execute
from loadcore.cli.options import (
    AllowLostWorkers,
    Color,
    ColorChoice,
    Json,
    Out,
    Progress,
    ProgressView,
    QuietLong,
    Seed,
    StrictClient,
    Threshold,
    WarmUp,
    Workers,
    valid_duration,
    valid_headers,
    valid_rate,
)
from loadcore.cli.prepare import prepare
from loadcore.cli.settings import LOAD, gather
from loadcore.errors import UsageError

if TYPE_CHECKING:
    from loadcore.http import Request
    from loadcore.load import Load
    from loadcore.scenario import Scenario

_CONNECTIONS = 50


def command(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="What to request: http://host:port/path?query.")],
    connections: Annotated[
        int | None,
        typer.Option("-c", "--connections", min=1, metavar="NUMBER", help="Users, a connection each. Default 50."),
    ] = None,
    duration: Annotated[
        str,
        typer.Option("-z", "--duration", metavar="DURATION", callback=valid_duration, help="For how long: 10s, 1m."),
    ] = "10s",
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, metavar="NUMBER", help="So many requests, instead of -z.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "-q", "--rate", metavar="RATE", callback=valid_rate, help="Open loop: so many requests per second in all."
        ),
    ] = None,
    method: Annotated[str | None, typer.Option("-m", "--method", help="GET; POST where there is a body.")] = None,
    header: Annotated[
        list[str],
        typer.Option("-H", "--header", metavar="NAME:VALUE", callback=valid_headers, help="May be repeated."),
    ] = [],
    data: Annotated[str | None, typer.Option("-d", "--data", help="The body.")] = None,
    data_file: Annotated[
        Path | None, typer.Option("-D", "--data-file", exists=True, dir_okay=False, help="The body, from a file.")
    ] = None,
    timeout: Annotated[
        str, typer.Option("-t", "--timeout", metavar="DURATION", callback=valid_duration, help="Of one request.")
    ] = "30s",
    insecure: Annotated[bool, typer.Option("-k", "--insecure", help="Accept any certificate.")] = False,
    disable_keepalive: Annotated[
        bool, typer.Option("--disable-keepalive", help="A new connection for every request.")
    ] = False,
    workers: Workers = None,
    warm_up: WarmUp = None,
    threshold: Threshold = [],
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
    progress: ProgressView = Progress.AUTO,
    quiet: QuietLong = False,
    color: ColorChoice = Color.AUTO,
    allow_lost_workers: AllowLostWorkers = False,
    strict_client: StrictClient = True,
) -> int:
    """Requests one URL again and again, without a file.

    loadcore bench http://127.0.0.1:8080/health -c 50 -z 10s

    Letters as of hey and oha.
    """
    from loadcore.loader import ScenarioFile

    console = standard(color, quiet=quiet)
    request = build_request(url, method, header, body_of(data, data_file))
    load = build_load(connections, rate, number, duration)
    scenario = build_scenario(url, request, load, timeout=timeout, insecure=insecure, keep_alive=not disable_keepalive)
    given = {
        "workers": workers,
        "warm_up": warm_up,
        "thresholds": threshold,
        "seed": seed,
        "out": out,
        "allow_lost_workers": allow_lost_workers,
    }
    settings = gather(context, given, config.load(Path.cwd())).without(*LOAD, "host", "env")
    prepared = prepare(ScenarioFile(Path("bench"), (scenario,), ()), settings)
    return execute(prepared, settings, Output(console, progress, as_json=as_json, strict_client=strict_client))


def build_scenario(
    url: str, request: "Request", load: "Load", *, timeout: str, insecure: bool, keep_alive: bool
) -> "Scenario":
    """A scenario whose only step is the request."""
    from loadcore.http import Http, Timeouts, Tls
    from loadcore.scenario import Scenario

    http = Http(
        timeouts=Timeouts(total=timeout),
        reuse="user" if keep_alive else "request",
        tls=Tls(insecure=insecure),
    )
    return Scenario("bench", base_url=origin_of(url), load=load, steps=[request], http=http)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL.

    Raises:
        UsageError: It is no HTTP URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        hint = f"write http://{url}" if "://" not in url else "it must begin with http:// or https://"
        raise UsageError(f"{url} is no URL to request", hint=hint)
    return f"{parts.scheme}://{parts.netloc}"


def build_request(url: str, method: str | None, header: list[str], body: bytes | None) -> "Request":
    """The request as it was described. What looks like a `{variable}` is sent as it stands: there are none here."""
    from loadcore.http import RequestOptions
    from loadcore.http import request as declare

    parts = urlsplit(url)
    origin_of(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers: dict[str, list[str]] = {}
    for line in header:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip(), []).append(_literal(value.strip()))
    chosen = (method or ("GET" if body is None else "POST")).upper()
    options = RequestOptions(name=f"{chosen} {parts.path or '/'}", headers=headers)
    if body is not None:
        options["content"] = body
        if "content-type" not in {name.lower() for name in headers}:
            options["content_type"] = _content_type(body)
    return declare(chosen, _literal(path), **options)


def build_load(connections: int | None, rate: str | None, number: int | None, duration: str) -> "Load":
    """The load: so many requests, a rate, or users for a time.

    Raises:
        UsageError: Both a rate and a number were given.
    """
    from loadcore.load import arrival_rate, iterations, users

    if rate is not None:
        if number is not None:
            raise UsageError("-q and -n exclude each other", hint="give -q with -z: a rate for a time")
        return arrival_rate(rate, duration=duration, max_users=connections)
    if number is not None:
        return iterations(total=number, users=min(connections or _CONNECTIONS, number))
    return users(connections or _CONNECTIONS, duration=duration)


def body_of(data: str | None, data_file: Path | None) -> bytes | None:
    """The body to send, if any.

    Raises:
        UsageError: It was given twice, or the file cannot be read.
    """
    if data is not None and data_file is not None:
        raise UsageError("-d and -D exclude each other", hint="give the body once")
    if data_file is None:
        return None if data is None else data.encode()
    try:
        return data_file.read_bytes()
    except OSError as problem:
        raise UsageError(f"{data_file} cannot be read: {problem.strerror}") from problem


def _content_type(body: bytes) -> str:
    try:
        json.loads(body)
    except ValueError:
        return "application/octet-stream"
    return "application/json"


def _literal(text: str) -> str:
    """The text with its braces doubled, so that none of them begins a variable."""
    return text.replace("{", "{{").replace("}", "}}")
