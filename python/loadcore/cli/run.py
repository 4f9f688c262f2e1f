"""`loadcore run SCENARIO`: runs a scenario file."""

from collections.abc import Callable
from dataclasses import replace

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.cluster_options import OnNodes, cluster_of
from loadcore.cli.execute import Output, execute
from loadcore.cli.prepare import Prepared, load_file, prepare
from loadcore.cli.series import Series, run_series
from loadcore.cli.settings import Settings, gather
from loadcore.errors import UsageError


@option_groups.takes(
    option_groups.Load,
    option_groups.Judging,
    option_groups.Processes,
    option_groups.Watching,
    option_groups.Naming,
    option_groups.Showing,
    option_groups.Output,
    option_groups.Documents,
    option_groups.Telemetry,
    option_groups.Tracing,
    option_groups.LivePage,
    option_groups.Strictness,
    option_groups.Calibration,
    option_groups.Repeating,
    option_groups.Comparing,
    OnNodes,
    option_groups.Ramp,
)
def command(context: typer.Context, scenario: options.Scenario) -> int:
    """Runs a scenario, or a Locust file, and reports.

    Ctrl-C stops, lets running iterations finish, reports and judges; twice stops now. Of loadcore's options, a Locust
    file takes the long ones; all others are Locust's own.
    """
    settings = gather(context)
    if (context.params["cluster"] or "").startswith("k8s://"):
        from loadcore.cli.on_kubernetes import run_there

        return run_there(context, scenario, settings.path)
    output = replace(Output.of(context, settings), cluster=cluster_of(context.params))
    calibrated = settings.get("calibrate", default=True)
    make = _preparing(context, scenario, settings)
    series = Series.of(context.params)
    if series is not None:
        return run_series(series, make, settings, output, calibrated=calibrated)
    return execute(make(), settings, output, calibrated=calibrated)


def _preparing(context: typer.Context, scenario: str, settings: Settings) -> Callable[[], Prepared]:
    """What prepares a run: of a scenario, or of a Locust file."""
    ramp = context.params["include_ramp"]
    if context.obj is not None:
        from loadcore.cli import locust_files

        on_nodes = context.params.get("cluster") is not None
        return lambda: locust_files.prepare(context.obj, settings, include_ramp=ramp, on_nodes=on_nodes)[0]
    if ramp:
        raise UsageError("--include-ramp is for Locust files", hint="a scenario's warm-up is --warm-up 0s")
    file = load_file(scenario, settings)
    return lambda: prepare(file, settings)
