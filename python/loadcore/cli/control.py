"""`loadcore control …`: changes the load of a run while it lasts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import standard
from loadcore.cli.finish import LATEST
from loadcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadcore.control.wire import Reply

app = typer.Typer(help="Changes the load of a run while it lasts.", no_args_is_help=True, rich_markup_mode=None)

Scenario = Annotated[
    str | None,
    typer.Option("--scenario", metavar="NAME", envvar="LOADCORE_CONTROL_SCENARIO", help="The scenario to change."),
]


@app.command("pause")
@option_groups.takes(option_groups.Output)
def pause_command(context: typer.Context, run: options.RunFolder = LATEST, scenario: Scenario = None) -> int:
    """Starts no more iterations until resume. Users stay, and the clock of the run continues."""
    return _change(context, run, "pause", scenario)


@app.command("resume")
@option_groups.takes(option_groups.Output)
def resume_command(context: typer.Context, run: options.RunFolder = LATEST, scenario: Scenario = None) -> int:
    """Ends a pause: the load is again what it would be without it."""
    return _change(context, run, "resume", scenario)


@app.command("users")
@option_groups.takes(option_groups.Output)
def users_command(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="How many users from now on: 200.")],
    run: options.RunFolder = LATEST,
    scenario: Scenario = None,
) -> int:
    """Sets the number of users, until the end of the run."""
    return _change(context, run, f"users {number}", scenario)


@app.command("rate")
@option_groups.takes(option_groups.Output)
def rate_command(
    context: typer.Context,
    rate: Annotated[str, typer.Argument(metavar="RATE", help="Iterations started from now on: 300/s, 10/min.")],
    run: options.RunFolder = LATEST,
    scenario: Scenario = None,
) -> int:
    """Sets the rate of arrivals, until the end of the run."""
    return _change(context, run, f"rate {rate}", scenario)


@app.command("status")
@option_groups.takes(option_groups.Output)
def status_command(context: typer.Context, run: options.RunFolder = LATEST) -> int:
    """Says how the load of each scenario is now."""
    return _change(context, run, None, None)


def _change(context: typer.Context, run: Path, text: str | None, scenario: str | None) -> int:
    from loadcore.control.client import ask
    from loadcore.control.wire import Request
    from loadcore.plan.orders import Change
    from loadcore.results.open.finding import find_run

    try:
        change = None if text is None else Change.parse(text)
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    reply = ask(find_run(run).resolve(), Request(change, scenario))
    console = standard(context.params["color"])
    if context.params["as_json"]:
        from loadcore.report import json

        console.result(json.render({"text": reply.text, "scenarios": reply.scenarios}))
    else:
        console.result(reply.text or _status(reply))
    return ExitCode.PASS


def _status(reply: "Reply") -> str:
    lines = []
    for each in reply.scenarios:
        level = each["level"] or "as planned"
        paused = ", paused" if each["paused"] else ""
        takes = f"; takes {', '.join(each['changes'])}" if each["changes"] else "; Locust decides it"
        lines.append(f"{each['name']}: {level}{paused}{takes}")
    return "\n".join(lines)
