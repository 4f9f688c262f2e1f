"""`loadcore run SCENARIO`: runs a scenario file."""

from pathlib import Path

import typer

from loadcore.cli import config
from loadcore.cli.console import standard
from loadcore.cli.execute import Output, execute
from loadcore.cli.options import (
    AbortOn,
    AllowLostWorkers,
    Calibrate,
    Color,
    ColorChoice,
    Duration,
    Env,
    Host,
    Iterations,
    Json,
    MaxUsers,
    Out,
    Progress,
    ProgressView,
    Quiet,
    Rate,
    Scenario,
    Seed,
    StrictClient,
    TargetCgroup,
    TargetMetrics,
    TargetPid,
    Threshold,
    UpstreamHeader,
    Users,
    WarmUp,
    Workers,
)
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.settings import gather


def command(
    context: typer.Context,
    scenario: Scenario,
    users: Users = None,
    rate: Rate = None,
    max_users: MaxUsers = None,
    duration: Duration = None,
    iterations: Iterations = None,
    warm_up: WarmUp = None,
    host: Host = None,
    env: Env = [],
    threshold: Threshold = [],
    abort_on: AbortOn = [],
    workers: Workers = None,
    seed: Seed = None,
    out: Out = None,
    target_pid: TargetPid = None,
    target_cgroup: TargetCgroup = None,
    target_metrics: TargetMetrics = None,
    upstream_header: UpstreamHeader = None,
    as_json: Json = False,
    progress: ProgressView = Progress.AUTO,
    quiet: Quiet = False,
    color: ColorChoice = Color.AUTO,
    allow_lost_workers: AllowLostWorkers = False,
    strict_client: StrictClient = True,
    calibrate: Calibrate = True,
) -> int:
    """Runs a scenario and reports.

    Ctrl-C stops, lets running iterations finish, reports and judges; twice stops now.
    """
    given = {
        "users": users,
        "rate": rate,
        "max_users": max_users,
        "duration": duration,
        "iterations": iterations,
        "warm_up": warm_up,
        "host": host,
        "env": env,
        "thresholds": threshold,
        "abort_on": abort_on,
        "workers": workers,
        "seed": seed,
        "out": out,
        "target_pid": target_pid,
        "target_cgroup": target_cgroup,
        "target_metrics": target_metrics,
        "upstream_header": upstream_header,
        "progress": progress,
        "color": color,
        "allow_lost_workers": allow_lost_workers,
        "strict_client": strict_client,
        "calibrate": calibrate,
    }
    settings = gather(context, given, config.load(Path.cwd()))
    console = standard(settings.get("color", Color.AUTO), quiet=quiet)
    prepared = prepare(load_file(scenario, settings), settings)
    view = Progress(settings.get("progress", Progress.AUTO))
    strict = settings.get("strict_client", default=True)
    output = Output(console, view, as_json=as_json, strict_client=strict)
    return execute(prepared, settings, output, calibrated=settings.get("calibrate", default=True))
