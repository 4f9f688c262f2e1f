"""`loadcore bench URL`: one request, again and again, without a scenario file."""

from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import config
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
    TargetCgroup,
    TargetMetrics,
    TargetPid,
    Threshold,
    UpstreamHeader,
    WarmUp,
    Workers,
    valid_duration,
    valid_headers,
    valid_rate,
)
from loadcore.cli.prepare import prepare
from loadcore.cli.settings import LOAD, gather


def command(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="What to request: http://host:port/path?query.")],
    connections: Annotated[
        int | None,
        typer.Option(
            "-c",
            "--connections",
            min=1,
            metavar="NUMBER",
            help="Users, a connection each; 50 by default. With -q, how many there may be at most.",
        ),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(
            "-z",
            "--duration",
            metavar="DURATION",
            callback=valid_duration,
            help="For how long: 10s (the default), 1m. With -n, for how long at most.",
        ),
    ] = None,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, metavar="NUMBER", help="How many requests to send.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "-q", "--rate", metavar="RATE", callback=valid_rate, help="Open loop: start requests at this rate."
        ),
    ] = None,
    method: Annotated[str | None, typer.Option("-m", "--method", help="GET; POST where there is a body.")] = None,
    header: Annotated[
        list[str],
        typer.Option("-H", "--header", metavar="NAME:VALUE", callback=valid_headers, help="May be repeated."),
    ] = [],
    data: Annotated[
        str | None, typer.Option("-d", "--data", help="The body; @FILE reads it from a file, @- from standard input.")
    ] = None,
    data_file: Annotated[
        Path | None, typer.Option("-D", "--data-file", exists=True, dir_okay=False, help="The body, from a file.")
    ] = None,
    content_type: Annotated[
        str | None, typer.Option("-T", "--content-type", metavar="TYPE", help="Of the body; guessed by default.")
    ] = None,
    auth: Annotated[
        str | None, typer.Option("-a", "--auth", metavar="USER:PASSWORD", help="Basic authentication.")
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
    target_pid: TargetPid = None,
    target_cgroup: TargetCgroup = None,
    target_metrics: TargetMetrics = None,
    upstream_header: UpstreamHeader = None,
    as_json: Json = False,
    progress: ProgressView = Progress.AUTO,
    quiet: QuietLong = False,
    color: ColorChoice = Color.AUTO,
    allow_lost_workers: AllowLostWorkers = False,
    strict_client: StrictClient = True,
) -> int:
    """Requests one URL again and again, without a file.

    loadcore bench http://127.0.0.1:8080/health -c 50 -z 10s

    The letters are those of hey and oha.
    """
    from loadcore.cli.one_request import body_of, credentials_of, load_of, request_of, scenario_of, target_of
    from loadcore.loader import ScenarioFile

    console = standard(color, quiet=quiet)
    target = target_of(url)
    scenario = scenario_of(
        target,
        request_of(target, method, header, body_of(data, data_file), content_type),
        load_of(connections, rate, number, duration),
        auth=credentials_of(auth, target),
        timeout=timeout,
        insecure=insecure,
        keep_alive=not disable_keepalive,
    )
    given = {
        "workers": workers,
        "warm_up": warm_up,
        "thresholds": threshold,
        "seed": seed,
        "out": out,
        "target_pid": target_pid,
        "target_cgroup": target_cgroup,
        "target_metrics": target_metrics,
        "upstream_header": upstream_header,
        "allow_lost_workers": allow_lost_workers,
    }
    settings = gather(context, given, config.load(Path.cwd())).without(*LOAD, "host", "env")
    prepared = prepare(ScenarioFile(Path("bench"), (scenario,), ()), settings)
    return execute(prepared, settings, Output(console, progress, as_json=as_json, strict_client=strict_client))
