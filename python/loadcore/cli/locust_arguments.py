"""Locust files on the command line: telling them from scenarios, and taking apart what is whose.

Every run and check imports this: it must stay cheap.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.locustfiles.command_line import LongOptions

COMMANDS = ("run", "check")
"""Commands that take a Locust file."""


class OfLocust(NamedTuple):
    """What is for Locust on a command line.

    Attributes:
        path: The file.
        arguments: What its parser reads.
    """

    path: Path
    arguments: tuple[str, ...]


def taken_apart(arguments: Sequence[str]) -> tuple[list[str], OfLocust | None]:
    """A command line as loadcore's parser takes it, and what is for Locust, if it runs a Locust file."""
    if not arguments or arguments[0] not in COMMANDS:
        return list(arguments), None
    given = _files_of(arguments[1:])
    path = next((each for each in given if Path(each).is_file()), None)
    if len(given) > 1 or (path is None and given):
        _require_one(given)
    if path is None:
        return list(arguments), None
    from loadcore.locustfiles import command_line, recognise

    if not recognise.is_locustfile(Path(path)):
        return list(arguments), None
    split = command_line.split(arguments[1:], path, long_options(arguments[0]))
    return [arguments[0], *split.ours], OfLocust(split.path, tuple(split.theirs))


def _files_of(arguments: Sequence[str]) -> list[str]:
    """The files that a command line names: by itself, as a list, or as Locust's `-f` does."""
    named: list[str] = []
    alone: list[str] = []
    rest = iter(arguments)
    for each in rest:
        if each == "--":
            break
        if each in {"-f", "--locustfile"}:
            named += next(rest, "").split(",")
        elif each.startswith(("-f", "--locustfile=")):
            named += each.removeprefix("-f").removeprefix("--locustfile=").split(",")
        elif each.endswith(".py") and all(Path(part).is_file() for part in each.split(",")):
            alone, named = (alone, [*named, *each.split(",")]) if "," in each else ([*alone, each], named)
    return [*alone[:1], *named]


def _require_one(files: Sequence[str]) -> None:
    """Refuse what is not one file."""
    from loadcore.errors import UsageError

    if len(files) == 1:
        what = "is a folder" if Path(files[0]).is_dir() else "cannot be found"
        raise UsageError(f"-f {files[0]}: the Locust file {what}", hint="name one file: loadcore run locustfile.py")
    modules = [Path(each).stem for each in files if each]
    hint = f"write one that imports the others: {'; '.join(f'from {each} import *' for each in modules)}"
    raise UsageError(f"{', '.join(files)}: loadcore runs one Locust file at a time", hint=hint)


def long_options(command: str) -> LongOptions:
    """The long options of a command."""
    from loadcore.cli.commands import Commands
    from loadcore.locustfiles.command_line import LongOptions

    with_value: set[str] = set()
    flags: set[str] = {"--help", "-h"}
    for parameter in Commands((command,))[command].params:
        kind = flags if getattr(parameter, "is_flag", False) else with_value
        kind.update(name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--"))
    return LongOptions(frozenset(with_value), frozenset(flags))
