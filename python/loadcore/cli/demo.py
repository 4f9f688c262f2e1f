"""`loadcore demo`: the whole of loadcore in one command."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from loadcore.cli import gateway, option_groups, options, target, target_folder, target_state
from loadcore.cli.console import Console, standard
from loadcore.cli.demo_report import Findings, conclude
from loadcore.cli.execute import Output, start
from loadcore.cli.gateway import Gateway
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.settings import Setting, Settings
from loadcore.errors import ExitCode, RunError, UsageError

RAMP = "10s"
ACCOUNTS = 1000
SERVICE_TIME = "lognormal(150ms,0.3)"
"""What the gateway adds to its own millisecond: the time of a service that asks a database and other services.

Client and gateway share a machine here. A client that waits a few milliseconds for a core must not double its times.
"""

_USERS_PER_CORE = 500
_QUICK_USERS = 200
_QUICK_RAMP = "3s"
_QUICK_DURATION = "8s"


@option_groups.takes(option_groups.Processes, option_groups.Showing, option_groups.Output)
def command(
    context: typer.Context,
    users: Annotated[
        int | None,
        typer.Option(
            "--users",
            "-u",
            min=1,
            metavar="NUMBER",
            help="Number of concurrent users; by default 500 for each core, at most 1,000.",
        ),
    ] = None,
    duration: options.Duration = "20s",
    gateway_workers: options.GatewayWorkers = 1,
    quick: Annotated[bool, typer.Option("--quick", help="200 users for a few seconds.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the gateway running; stop it with loadcore target down.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the scenario and exit.")] = False,
) -> int:
    """Shows everything: gateway, a thousand users, report.

    Starts the reference gateway on this machine, lets a thousand users log in and use it, and reports.
    """
    from importlib.resources import files

    from loadcore.machine.host import allowed_cores

    parameters = context.params
    console = standard(parameters["color"], quiet=parameters["quiet"])
    scenario = files("loadcore.demo").joinpath("scenario.py")
    if show:
        console.result(scenario.read_text(encoding="utf-8").rstrip())
        return ExitCode.PASS
    ramp = _QUICK_RAMP if quick else RAMP
    cores = allowed_cores()
    count, hold = (_QUICK_USERS, _QUICK_DURATION) if quick else (users or users_for(cores), str(duration))
    with _gateway(gateway_workers, keep=keep) as running:
        _announce(console, running, count, ramp, hold, gateway_workers)
        insisted = {
            "users": f"0:{ramp},{count}:{hold}",
            "warm_up": ramp,
            "base_url": running.url,
            "workers": parameters["workers"] or workers_beside(gateway_workers, cores),
            "seed": parameters["seed"],
            "out": parameters["out"],
        }
        settings = Settings({name: Setting(value, "demo") for name, value in insisted.items() if value is not None})
        prepared = prepare(load_file(str(scenario), settings), settings, name="demo")
        cpu_before_s = gateway.cpu_s(running)
        run = start(prepared, settings, Output(console, parameters["progress"]))
        cpu_s = gateway.cpu_s(running) - cpu_before_s
        findings = Findings(count, _received(running, console), cpu_s, gateway_workers)
    return conclude(console, run, findings, as_json=parameters["as_json"])


def users_for(cores: float) -> int:
    """How many users the gateway and the client carry together with room to spare, a thousand on two cores."""
    return max(1, min(ACCOUNTS, round(_USERS_PER_CORE * cores)))


def workers_beside(gateway_workers: int, cores: float) -> int:
    """How many of the client's workers leave the gateway its cores."""
    return max(1, int(cores) - gateway_workers)


@contextmanager
def _gateway(workers: int, *, keep: bool) -> Iterator[Gateway]:
    """The gateway for as long as the demo runs, or for longer if it must be kept."""
    arguments = ["--port", "0", "--workers", str(workers), "--users", str(ACCOUNTS)]
    arguments += ["--profile", "demo", "--latency", SERVICE_TIME]
    if keep:
        with target_state.claim() as note:
            known = target_state.known()
            if known is not None and known.running:
                message = f"a target is already up at {known.url}, and only one can run at a time"
                raise UsageError(message, hint="stop it first: loadcore target down")
            target_state.forget(known)
            started = target.start(arguments, note, gateway.start)
        yield started
        return
    folder = target_folder.new()
    try:
        with gateway.running(arguments, folder) as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _received(running: Gateway, console: Console) -> int | None:
    """What the gateway counted; None if it is gone, which must not cost the report of the run."""
    try:
        return gateway.truth(running)
    except RunError as error:
        console.failure(RunError(str(error), hint=gateway.last_words(running)))
        return None


def _announce(console: Console, running: Gateway, users: int, ramp: str, hold: str, workers: int) -> None:
    """Says what will happen, before it does."""
    from loadcore.report import numbers
    from loadcore.report.layout import Cell, sentence

    page = console.err_page()
    glyphs = page.glyphs
    processes = f"{workers} worker{'' if workers == 1 else 's'}"
    load = f"{numbers.count(users, glyphs)} users log in within {ramp}, then use it for {hold}"
    lines = (
        f"the reference gateway runs at {running.url} ({processes})",
        f"{load}; each thinks 1 to 3 s between requests",
        "most responses take 100 to 250 ms, as if a database were behind them",
        "Ctrl-C stops it and reports",
    )
    for line in lines:
        console.note("\n".join(sentence(Cell(f"{glyphs.dot} "), line, page)))
    console.note("")
