"""The commands by their names, each imported when it is asked for."""

from collections.abc import Iterable, Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from loadcore.cli.plain_values import read_plainly

COMMANDS = {
    "run": "Runs a scenario, or a Locust file, and reports.",
    "bench": "Requests one URL again and again, without a file.",
    "check": "Prints a scenario's plan, and with --send tries it.",
    "calibrate": "Measures how much of a scenario this machine can drive.",
    "init": "Writes a scenario of a few lines that runs as it is.",
    "import": "Writes a scenario from what you have, such as a recording.",
    "report": "Prints the report of a run, by default of the latest.",
    "ui": "Shows a run in the browser, by default the latest.",
    "control": "Changes the load of a run while it lasts.",
    "compare": "Says whether B is slower than A.",
    "runs": "Lists runs, and removes old ones.",
    "doctor": "Checks this machine for a load, as client and as target.",
    "cluster": "Runs on many machines.",
    "target": "Starts and stops the reference gateway on 127.0.0.1.",
    "demo": "Shows everything: gateway, a thousand users, report.",
    "version": "Prints the version; with --json all versions.",
}
"""In the order of `--help`, each with the first sentence of its own help: listing commands imports none of them.

Each is a module of this package with a function `command`, or with an `app` of several.
"""

_MODULES = {"import": "imports"}
"""Modules of commands whose names are words of Python."""


class Commands(MutableMapping[str, Any]):
    """Commands that are made when they are looked up."""

    def __init__(self, names: Iterable[str]) -> None:
        self._made: dict[str, Any] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer does not export the type of a command
        if self._made[name] is None:
            self._made[name] = _made(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401 - see above
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class Group(TyperGroup):
    """All commands of loadcore. `bench` does not wait for what `report` would import."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**{**attributes, "commands": None})
        self.commands = Commands(COMMANDS)
        read_plainly(self)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own
        """Their names."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's own
        """Lists the commands in the help."""
        self.commands = _listed()
        super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - typer's own
        """The commands and options that begin as typed."""
        self.commands = _listed()
        return super().shell_complete(ctx, incomplete)


def _listed() -> dict[str, Any]:
    """Commands that know what they are for, and nothing else."""
    return {name: TyperCommand(name, short_help=summary) for name, summary in COMMANDS.items()}


def _made(name: str) -> Any:  # noqa: ANN401 - see above
    module = import_module(f"loadcore.cli.{_MODULES.get(name, name)}")
    shelf = typer.Typer(rich_markup_mode=None)
    if hasattr(module, "app"):
        shelf.add_typer(module.app, name=name)
    else:
        shelf.command(name)(module.command)
    command = typer.main.get_group(shelf).commands[name]
    for each in (command, *getattr(command, "commands", {}).values()):
        read_plainly(each)
        for parameter in each.params:
            if parameter.param_type_name == "argument":
                _show_plainly(parameter)
    return command


def _show_plainly(argument: Any) -> None:  # noqa: ANN401 - see above
    """Has the help say `SCENARIO` and `[RUN]`, as the pages do, without braces and types of Python."""
    of_typer = argument.get_help_record
    name = (argument.metavar or argument.name).upper()
    shown = f"{name}..." if argument.nargs != 1 and " " not in name else name
    usage = [] if argument.hidden else [shown if argument.required else f"[{shown}]"]
    argument.get_usage_pieces = lambda _: usage
    argument.get_help_record = lambda ctx: None if argument.hidden else (shown, of_typer(ctx)[1])
