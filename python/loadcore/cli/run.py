"""`loadcore run SCENARIO`: runs a scenario file."""

from dataclasses import replace

import typer

from loadcore.cli import options
from loadcore.cli.cluster_options import OnNodes, cluster_of
from loadcore.cli.execute import Output, execute
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.series import Series, run_series
from loadcore.cli.settings import gather


@options.takes(
    options.Load,
    options.Judging,
    options.Processes,
    options.Watching,
    options.Naming,
    options.Showing,
    options.Output,
    options.Documents,
    options.Telemetry,
    options.LivePage,
    options.Strictness,
    options.Calibration,
    options.Repeating,
    options.Comparing,
    OnNodes,
)
def command(context: typer.Context, scenario: options.Scenario) -> int:
    """Runs a scenario and reports.

    Ctrl-C stops, lets running iterations finish, reports and judges; twice stops now.
    """
    settings = gather(context)
    output = replace(Output.of(context, settings), cluster=cluster_of(context.params))
    file = load_file(scenario, settings)
    calibrated = settings.get("calibrate", default=True)
    series = Series.of(context.params)
    if series is not None:
        return run_series(series, lambda: prepare(file, settings), settings, output, calibrated=calibrated)
    return execute(prepare(file, settings), settings, output, calibrated=calibrated)
