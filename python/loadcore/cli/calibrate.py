"""`loadcore calibrate SCENARIO`: how much of a scenario this machine can drive."""

import json

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import standard
from loadcore.cli.options import Color
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.settings import gather
from loadcore.errors import ExitCode, UsageError


@option_groups.takes(option_groups.Load, option_groups.Processes, option_groups.Output)
def command(context: typer.Context, scenario: options.Scenario, quiet: options.Quiet = False) -> int:
    """Measures how much of a scenario this machine can drive.

    loadcore calibrate checkout.py --rate 6000/s

    For 2 s the same steps, bodies, templates, checks, extracts and users are run as fast as they go, against a target
    on 127.0.0.1 that costs next to nothing. The scenario's own target gets no request. Headroom is what this machine
    drives, by what is asked.
    """
    settings = gather(context)
    console = standard(settings.get("color", Color.AUTO), quiet=quiet)
    prepared = prepare(load_file(scenario, settings), settings)

    from loadcore.calibration import cache
    from loadcore.calibration.asked import asked_per_s
    from loadcore.calibration.measure import SECONDS, calibrate, usable_cores
    from loadcore.calibration.shape import shape_of
    from loadcore.judge.headroom import Headroom

    if scripted := prepared.plan.scripted():
        message = f"{', '.join(sorted(scripted))}: what users in Python cost cannot be measured against a null target"
        raise UsageError(message, hint="run it, and read the client's share in the report")
    shape = shape_of(prepared.plan, SECONDS)
    console.note(f"measuring for {SECONDS:g} s against a null target on this machine …")
    measured = calibrate(shape, settings.get("workers"))
    cache.remember(shape, measured)
    headroom = Headroom.of(measured.cpu_ns_per_request, usable_cores(measured.workers), asked_per_s(prepared.plan))
    if context.params["as_json"]:
        console.result(json.dumps({**headroom.to_dict(), **measured.to_dict()}, indent=2))
        return ExitCode.PASS
    from loadcore.report.headroom import render

    console.result(render(prepared.plan.name, headroom, measured.to_dict(), console.page()))
    return ExitCode.PASS
