"""`loadcore report RUN`: prints the report of a run: finished, running or killed."""

from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import options
from loadcore.cli.cluster_options import LeaveOutNode
from loadcore.cli.console import standard
from loadcore.cli.finish import LATEST, rendered
from loadcore.cli.run_documents import RunDocuments
from loadcore.errors import ExitCode


@options.takes(options.Output, options.Documents)
def command(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A run folder, or of a run in runs/ its id, the beginning of it, or latest."
        ),
    ] = LATEST,
    verbose: options.Verbose = False,
    leave_out_node: LeaveOutNode = [],
) -> int:
    """Prints the report of a run, by default of the latest.

    A report that can be printed exits with 0: the run's own exit code is its
    last line. With --html FILE, --junit FILE or another document that is
    written in place of being printed.
    """
    from loadcore.api import load

    documents = RunDocuments.of(context.params.get)
    found = load(run)
    if leave_out_node:
        from loadcore.results.open.leaving_out import without_nodes
        from loadcore.results.open.run import Run

        found = Run(found.path, without_nodes(found, leave_out_node), found.state, found.missing)
    console = standard(context.params["color"])
    if documents.places:
        return documents.write(found, console)
    exit_code = int(found.exit_code)
    console.result(
        rendered(console, found.path, found.summary, exit_code, as_json=context.params["as_json"], samples=verbose)
    )
    return ExitCode.PASS
