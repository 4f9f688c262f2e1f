"""The commands by their names, each imported when it is asked for."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from loadcore.cli.plain_values import read_plainly

COMMANDS = (
    *("run", "bench", "check", "calibrate", "init", "import", "report", "ui", "control", "compare"),
    "runs",
    *("doctor", "cluster", "target", "demo", "version"),
)
"""In the order of `--help`. Each is a module of this package with a function `command`, or with an `app` of several."""

_MODULES = {"import": "imports"}
"""Modules of commands whose names are words of Python."""


class Commands(MutableMapping[str, Any]):
    """Commands that are made when they are looked up."""

    def __init__(self, names: tuple[str, ...]) -> None:
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
    return command
