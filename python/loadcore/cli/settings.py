"""The settings of a command, each with where it came from: the command line, the environment, a file, or nowhere.

The scenario stands between the file and the environment, so what a file says is kept apart from what a user insists on.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from loadcore.cli import config, options
from loadcore.cli.option_values import source_of
from loadcore.errors import ConfigError

if TYPE_CHECKING:
    from loadcore.compiler import Overrides

_PREFIX = "LOADCORE_"
_LISTS = ("LOADCORE_ENV", "LOADCORE_TAG", "LOADCORE_THRESHOLD", "LOADCORE_ABORT_ON")
"""Variables that the parser does not read by itself."""
_SIMILAR = 0.8


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from, as it is shown to the user."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a command, by who made them: a stronger one replaces what a weaker one says.

    Attributes:
        flags: From the command line.
        environment: From variables.
        file: From a file. What scenarios say is stronger.
        path: The file.
    """

    flags: Mapping[str, Setting] = field(default_factory=dict)
    environment: Mapping[str, Setting] = field(default_factory=dict)
    file: Mapping[str, Setting] = field(default_factory=dict)
    path: Path | None = None

    @property
    def insisted(self) -> Mapping[str, Setting]:
        """What replaces what scenarios say."""
        return {**self.environment, **self.flags}

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - settings are of many types
        """The value of a setting that scenarios do not have."""
        return self.either(name, Setting(default, "default")).value

    def either(self, name: str, default: Setting) -> Setting:
        """The setting, whoever made it."""
        return self.insisted.get(name) or self.file.get(name) or default

    def without(self, *names: str) -> "Settings":
        """The settings less those that a command has no use for, or reads by itself."""

        def kept(settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
            return {name: setting for name, setting in settings.items() if name not in names}

        return replace(self, flags=kept(self.flags), environment=kept(self.environment), file=kept(self.file))

    def set_environment(self) -> None:
        """Set the variables that scenarios read: those of the file where they are not set, and those insisted on."""
        suggested = self.file.get("env")
        for name, value in (suggested.value if suggested else {}).items():
            os.environ.setdefault(name, value)
        insisted = self.insisted.get("env")
        for pair in insisted.value if insisted else ():
            name, _, value = pair.partition("=")
            os.environ[name] = value

    def layers(self) -> "list[Overrides]":
        """What changes scenarios, the strongest layer last.

        Raises:
            ConfigError: The file's settings make no sense.
            UsageError: Those of the environment or of the command line make none.
        """
        from loadcore.compiler import Overrides

        return [
            Overrides.of(_values(self.file), file=str(self.path)),
            Overrides.of(_values(self.environment), "variable"),
            Overrides.of(_values(self.flags), "option"),
        ]


def gather(context: typer.Context) -> Settings:
    """The settings of a command: its options, the environment's variables, and the file of the working directory.

    Raises:
        ConfigError: A value of the file cannot be read, or a variable of the environment is a mistyped setting.
        UsageError: Settings of the environment or of the command line contradict each other.
    """
    refuse_mistyped_variables(os.environ)
    file = config.load(Path.cwd())
    flags: dict[str, Setting] = {}
    environment: dict[str, Setting] = {}
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in config.KEYS:
            continue
        value = context.params.get(name)
        source = source_of(context, parameter, value)
        if source is not None:
            (flags if source.startswith("-") else environment)[name] = Setting(value, source)
    where = file.path.name if file.path else ""
    suggested = {name: Setting(value, where) for name, value in file.values.items()}
    settings = Settings(flags, environment, suggested, file.path)
    settings.layers()
    return settings


def _values(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {name: setting.value for name, setting in settings.items()}


def refuse_mistyped_variables(environ: Mapping[str, str]) -> None:
    """Refuse variables that are named almost as a setting: who writes one wants a load that the run would not have.

    Other variables with this prefix belong to the user.

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
        raise ConfigError(
            "\n".join(problems), hint="if the variable is your own, rename it so that it does not resemble a setting"
        )


def _variables_of(option: object) -> Iterator[str]:
    """The environment variables of a declared option."""
    for declared in getattr(option, "__metadata__", ()):
        names = getattr(declared, "envvar", None) or ()
        yield from [names] if isinstance(names, str) else names
