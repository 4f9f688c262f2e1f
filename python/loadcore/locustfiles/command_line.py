"""The command line of `loadcore run LOCUSTFILE`: loadcore's long options are its own, all others are for Locust."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

END_OF_OURS: Final = "--"
"""What follows it is for Locust, whatever it is called."""

_NAMES_FILE: Final = ("-f", "--locustfile")

NOT_FOR_LOCUST: Final = {
    "rate": "--rate: a Locust file has users, not arrivals",
    "max_users": "--max-users: a Locust file has users, not arrivals",
    "iterations": "--iterations: the users of a Locust file run until the end",
}
"""Settings that a Locust file cannot have, by name."""

CLASHES: Final = {
    "--users": "loadcore takes it and gives it to Locust as -u; stages are for a LoadTestShape",
    "--host": "loadcore takes it, like --base-url, and gives it to Locust as -H",
    "--csv": "loadcore's: its own table; Locust's files are written with -- --csv NAME",
    "--html": "loadcore's: its own report as one page; Locust's is written with -- --html FILE",
    "--json": "loadcore's: one JSON document on stdout; Locust's statistics are in --json-file",
    "--help": "loadcore's, as -h is; Locust's own options are listed by: locust --help",
    "--version": "loadcore's version is printed by: loadcore --version",
}
"""Long options that both have, and what they mean here."""


@dataclass(frozen=True)
class Split:
    """A command line in two.

    Attributes:
        ours: For loadcore, with the file.
        theirs: For Locust.
        path: The file.
    """

    ours: list[str]
    theirs: list[str]
    path: Path


@dataclass(frozen=True)
class LongOptions:
    """The long options of a command.

    Attributes:
        with_value: Those that take one.
        flags: Those that take none.
    """

    with_value: frozenset[str] = field(default_factory=frozenset)
    flags: frozenset[str] = field(default_factory=frozenset)

    def length(self, argument: str) -> int:
        """How many arguments an option of ours is, with its value: 0 if it is not ours."""
        name, equals, _ = argument.partition("=")
        if name in self.flags:
            return 1
        if name in self.with_value:
            return 1 if equals else 2
        return 0


def split(arguments: Sequence[str], path: str, options: LongOptions) -> Split:
    """Take apart what follows `loadcore run`.

    Args:
        arguments: All of it.
        path: The Locust file, which is one of the arguments.
        options: Those of the command.
    """
    ours: list[str] = []
    theirs: list[str] = []
    rest = list(arguments)
    found = False
    while rest:
        argument = rest.pop(0)
        if argument == END_OF_OURS:
            theirs += rest
            break
        if argument in _NAMES_FILE and rest[:1] == [path]:
            continue
        if argument in {path, *(f"{option}{path}" for option in ("-f", "--locustfile="))} and not found:
            found = True
            continue
        length = options.length(argument)
        if length:
            ours += [argument, *rest[: length - 1]]
            del rest[: length - 1]
        else:
            theirs.append(argument)
    return Split([*ours, path], theirs, Path(path))


def for_locust(settings: Mapping[str, str]) -> list[str]:
    """Loadcore's settings as Locust's parser takes them.

    Args:
        settings: What the user insists on, by name.

    Raises:
        UsageError: A Locust file cannot have one of them.
    """
    problems = [text for name, text in NOT_FOR_LOCUST.items() if name in settings]
    users = settings.get("users", "")
    if users and not users.isdigit():
        problems.append(f'--users "{users}": a Locust file has a number of users; for stages, write a LoadTestShape')
    if problems:
        raise UsageError(
            "\n".join(problems), hint="use -u for users, -r for users started per second, -t for the length"
        )
    given = {"users": "-u", "base_url": "-H", "duration": "-t"}
    return [part for name, option in given.items() if name in settings for part in (option, settings[name])]
