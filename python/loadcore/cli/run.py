"""`loadcore run SCENARIO`: runs a scenario file."""

import typer

from loadcore.cli import options
from loadcore.cli.execute import Output, execute
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.settings import gather


@options.takes(
    options.Load,
    options.Judging,
    options.Processes,
    options.Watching,
    options.Showing,
    options.Output,
    options.Strictness,
    options.Calibration,
)
def command(context: typer.Context, scenario: options.Scenario) -> int:
    """Runs a scenario and reports.

    Ctrl-C stops, lets running iterations finish, reports and judges; twice stops now.
    """
    settings = gather(context)
    output = Output.of(context, settings)
    prepared = prepare(load_file(scenario, settings), settings)
    return execute(prepared, settings, output, calibrated=settings.get("calibrate", default=True))
