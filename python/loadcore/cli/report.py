"""`loadcore report RUN`: prints the report of a run: finished, running or killed."""

from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import options
from loadcore.cli.console import standard
from loadcore.cli.documents import require_places
from loadcore.cli.execute import write_page
from loadcore.cli.finish import LATEST, rendered
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
) -> int:
    """Prints the report of a run, by default of the latest.

    A report that can be printed exits with 0: the run's own exit code is its
    last line. With --html FILE it is written there, as a page, in place of
    being printed.
    """
    from loadcore.api import load

    html = context.params["html"]
    require_places({"--html": html})
    found = load(run)
    console = standard(context.params["color"])
    if html is not None:
        lost = write_page(found, html, console)
        return ExitCode.PASS if lost is None else int(lost.exit_code)
    exit_code = int(found.exit_code)
    console.result(
        rendered(console, found.path, found.summary, exit_code, as_json=context.params["as_json"], samples=verbose)
    )
    return ExitCode.PASS
