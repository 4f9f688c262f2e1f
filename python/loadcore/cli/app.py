"""The command line as a whole, and what happens to whatever a command raises.

Importing this module must stay cheap, because `loadcore --help`, completion and the first request wait for it: a
command is imported when it is asked for, and imports what it needs when it runs.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from loadcore.cli import completion
from loadcore.cli.commands import Group
from loadcore.cli.console import standard
from loadcore.cli.locust_arguments import taken_apart
from loadcore.errors import ExitCode, LoadcoreError
from loadcore.wording.refusals import refusal

__all__ = ["app", "main"]

ISSUES = "https://github.com/loadcore/loadcore/issues"

app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    invoke_without_command=True,
    help="Load-test HTTP APIs, and find out whether to trust the result.",
    epilog="Exit codes: 0 pass, 99 threshold crossed, 104 scenario or limits, 111 client was the bottleneck, "
    "113 no data.",
)
def _start(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    _install: Annotated[
        bool,
        typer.Option(
            "--install-completion", callback=completion.install, help="Install completion for the current shell."
        ),
    ] = False,
    _show: Annotated[
        bool,
        typer.Option(
            "--show-completion", callback=completion.show, help="Print the completion script of the current shell."
        ),
    ] = False,
) -> int:
    if show_version:
        from loadcore.cli import version

        version.command()
        raise typer.Exit
    if context.invoked_subcommand is None:
        standard().result(context.get_help())
    return ExitCode.PASS


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and gives back the exit code of the process. Whatever goes wrong is printed here, once.

    Args:
        arguments: What follows `loadcore`; those of this process if None.
    """
    console = standard()
    completion.get_ready()
    try:
        ours, of_locust = taken_apart(sys.argv[1:] if arguments is None else arguments)
        code = app(args=ours, standalone_mode=False, prog_name="loadcore", obj=of_locust)
    except LoadcoreError as error:
        console.failure(error)
        return error.exit_code
    except typer.TyperException as error:
        from loadcore.cli.wrong_arguments import explain

        console.error(*explain(error, sys.argv[1:] if arguments is None else arguments))
        return ExitCode.USAGE
    except (typer.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - what the machine does not refuse is our fault and not the user's
        refused = refusal(error, "loadcore cannot continue")
        if refused is not None:
            console.failure(refused)
            return refused.exit_code
        console.bug(error, ISSUES)
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.PASS
