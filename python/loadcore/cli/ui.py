"""`loadcore ui [RUN]`: shows a run in the browser, while it runs and afterwards."""

import os
from typing import Annotated

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import standard
from loadcore.cli.finish import LATEST
from loadcore.errors import ExitCode, UsageError


@option_groups.takes(option_groups.Coloring)
def command(
    context: typer.Context,
    run: options.RunFolder = LATEST,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="5666 by default, or the next free port."),
    ] = None,
) -> int:
    """Shows a run in the browser, by default the latest.

    Serves the page of the report on 127.0.0.1 until Ctrl-C, and keeps it up to
    date while the run lasts. Prints its address. Its buttons change the load.
    """
    from loadcore.results.open.finding import find_run

    require_extra()
    from loadcore.live.web.follow import Follower
    from loadcore.live.web.place import listen
    from loadcore.live.web.server import serve

    console = standard(context.params["color"])
    follower = Follower(find_run(run).resolve())
    place = listen(port)
    os.nice(19)
    console.result(place.address)
    serve(follower, place)
    return ExitCode.PASS


def require_extra() -> None:
    """Refuses to serve a page where what serves it is not installed.

    Raises:
        UsageError: It names the packages and the command that installs them.
    """
    from loadcore.wording import extras

    if missing := extras.missing("ui"):
        hint = f"install what it needs: {extras.install_command('ui')}"
        raise UsageError(f"a page in the browser needs {' and '.join(missing)}", hint=hint)
