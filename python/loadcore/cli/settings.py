"""The settings of a command, each with where it came from: the command line, the environment, a file, or nowhere.

The scenario stands between the file and the environment, so what a file says is kept apart from what a user insists on.
"""

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import typer

from loadcore.cli import options
from loadcore.cli.config import Config
from loadcore.cli.loads import Wish
from loadcore.cli.stages import checked_users
from loadcore.errors import ConfigError
from loadcore.units import parse_duration, parse_rate

LOAD = ("users", "rate", "max_users", "duration", "iterations")
"""The settings that make up the load."""

_PREFIX = "LOADCORE_"
_LISTS = ("LOADCORE_ENV", "LOADCORE_THRESHOLD", "LOADCORE_ABORT_ON")
"""Variables that the parser does not read by itself."""
_SIMILAR = 0.8

_READERS: Mapping[str, Callable[[Any], object]] = {
    "users": lambda value: checked_users(str(value)),
    "rate": parse_rate,
    "duration": parse_duration,
    "warm_up": parse_duration,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from, as it is shown to the user."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a command.

    Attributes:
        insisted: From the command line and the environment: they replace what the scenario says.
        suggested: From a file: they hold where the scenario says nothing.
    """

    insisted: Mapping[str, Setting]
    suggested: Mapping[str, Setting]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - settings are of many types
        """The value of a setting that scenarios do not have."""
        return self.either(name, Setting(default, "default")).value

    def either(self, name: str, default: Setting) -> Setting:
        """The setting, whoever made it."""
        return self.insisted.get(name) or self.suggested.get(name) or default

    def without(self, *names: str) -> "Settings":
        """The settings less those that a command has no use for, whatever a file says."""
        kept = {name: setting for name, setting in self.suggested.items() if name not in names}
        return Settings(self.insisted, kept)

    def wish(self, group: Mapping[str, Setting]) -> Wish:
        """What a group of settings wants of the load."""
        wanted = {name: group[name].value for name in LOAD if name in group}
        if "users" in wanted:
            wanted["users"] = checked_users(str(wanted["users"]))
        return Wish(**wanted)


def gather(context: typer.Context, given: Mapping[str, Any], config: Config) -> Settings:
    """Sorts values by where they came from.

    Args:
        context: Of the command; it knows which values the user gave.
        given: The command's arguments, by the names that the file uses.
        config: The file.

    Raises:
        ConfigError: A value of the file cannot be read, or a variable of the environment is a mistyped setting.
    """
    refuse_mistyped_variables(os.environ)
    insisted = {}
    for name, value in given.items():
        source = _source(context, name, value)
        if source is not None:
            insisted[name] = Setting(value, source)
    where = config.path.name if config.path else ""
    for name, value in config.values.items():
        try:
            _READERS.get(name, str)(value)
        except ValueError as problem:
            raise ConfigError(f"{config.path}: `{name}`: {problem}") from None
    return Settings(insisted, {name: Setting(value, where) for name, value in config.values.items()})


def refuse_mistyped_variables(environ: Mapping[str, str]) -> None:
    """Refuse variables that are named almost as a setting: who writes one wants a load that the run would not have.

    Others that begin alike are somebody's own.

    Raises:
        ConfigError: With everything that is mistyped.
    """
    known = {*_LISTS, *(name for option in vars(options).values() for name in _variables_of(option))}
    short = [name.removeprefix(_PREFIX) for name in known]
    problems = []
    for name in sorted(environ):
        similar = difflib.get_close_matches(name.removeprefix(_PREFIX), short, n=1, cutoff=_SIMILAR)
        if name.startswith(_PREFIX) and name not in known and similar:
            problems.append(f"the environment variable {name} is not a setting, did you mean {_PREFIX}{similar[0]}?")
    if problems:
        raise ConfigError("\n".join(problems), hint="give a variable of your own a name that no setting resembles")


def _variables_of(option: object) -> Iterator[str]:
    """The environment variables of a declared option."""
    for declared in getattr(option, "__metadata__", ()):
        names = getattr(declared, "envvar", None) or ()
        yield from [names] if isinstance(names, str) else names


def _source(context: typer.Context, name: str, value: object) -> str | None:
    """The option or the variable that a value came from; None for a default."""
    parameter = {"thresholds": "threshold"}.get(name, name)
    found = context.get_parameter_source(parameter)
    match found.name if found else "DEFAULT":
        case "COMMANDLINE":
            return f"--{parameter.replace('_', '-')}"
        case "ENVIRONMENT":
            return f"LOADCORE_{parameter.upper()}"
        case _:
            # Lists are read from the environment by us, because expressions have spaces in them.
            return f"LOADCORE_{parameter.upper()}" if isinstance(value, list) and value else None
