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
    path = next((each for each in arguments[1:] if each.endswith(".py") and Path(each).is_file()), None)
    if path is None:
        return list(arguments), None
    from loadcore.locustfiles import command_line, recognise

    if not recognise.is_locustfile(Path(path)):
        return list(arguments), None
    split = command_line.split(arguments[1:], path, long_options(arguments[0]))
    return [arguments[0], *split.ours], OfLocust(split.path, tuple(split.theirs))


def long_options(command: str) -> LongOptions:
    """The long options of a command."""
    from loadcore.cli.commands import Commands
    from loadcore.locustfiles.command_line import LongOptions

    with_value: set[str] = set()
    flags: set[str] = {"--help"}
    for parameter in Commands((command,))[command].params:
        kind = flags if getattr(parameter, "is_flag", False) else with_value
        kind.update(name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--"))
    return LongOptions(frozenset(with_value), frozenset(flags))
