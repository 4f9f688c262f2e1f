"""What whoever starts a run changes about its scenarios.

A file, the environment, the command line and the arguments of `loadcore.run` are layers of one kind: each is read,
checked and applied here, so that the same values have the same effect and the same errors, whoever gives them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from loadcore.compiler.addresses import parse_base_url
from loadcore.compiler.load_overrides import LOAD, contradictions, load_for
from loadcore.compiler.problems import MOST_32, MOST_63, MOST_64
from loadcore.compiler.settings import parse_upstream_header
from loadcore.compiler.stages import parse_users
from loadcore.errors import ConfigError, LoadcoreError, UsageError
from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.rule import DEFAULT
from loadcore.scenario.http import Http
from loadcore.scenario.load_models import DEFAULT_LOAD
from loadcore.scenario.scenario import Scenario
from loadcore.wording.kinds import shown
from loadcore.wording.units import parse_duration, parse_percent, parse_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.compiler.stages import Stage

Spelling: TypeAlias = Literal["argument", "option", "variable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """One layer of settings. `None` leaves things as they are below it. Made by `of`, which checks every value."""

    users: int | tuple[Stage, ...] | None = None
    """A constant number of users, or stages."""
    rate: str | None = None
    """Iterations started per time."""
    max_users: int | None = None
    """With a rate: how many users there may be."""
    duration: str | None = None
    """For how long."""
    iterations: int | None = None
    """How many iterations: of each user where the scenario says each, of all together otherwise."""
    base_url: str | None = None
    """The target of every scenario."""
    warm_up: str | None = None
    """Requests due before this offset stay out of the summary."""
    graceful_stop: str | None = None
    """How long running iterations may continue after the planned end."""
    upstream_header: str | None = None
    """Response header with an upstream's time: see `Http`."""
    trace_sample: str | None = None
    """Share of the requests that are traced: see `Http`."""
    spelling: Spelling = "argument"
    """How its settings are written where they come from, for messages."""
    file: str | None = None
    """The file that it was read from: it holds only for what the scenarios do not say."""

    @classmethod
    def of(cls, values: Mapping[str, object], spelling: Spelling = "argument", file: str | None = None) -> Overrides:
        """Read values by their names; those that are None or have other names are left alone.

        Those of the run as a whole (`seed`, `workers`, thresholds) are checked with the others and left to the caller.

        Raises:
            UsageError: Values make no sense, alone or together; everything that is wrong is listed.
            ConfigError: The same of a file.
        """
        found: dict[str, Any] = {}
        problems: list[LoadcoreError] = []
        for name, value in values.items():
            if value is None or name not in _READERS:
                continue
            try:
                found[name] = read(name, value)
            except ValueError as error:
                problems.append(UsageError(f"{spelled(name, spelling)}: {error}"))
        layer = cls(**{name: found[name] for name in found.keys() & _SETTINGS}, spelling=spelling, file=file)
        problems += contradictions(layer)
        layer.refuse(problems)
        return layer

    def written(self, name: str) -> str:
        """A setting's name as it is written where this layer comes from."""
        return spelled(name, self.spelling)

    @property
    def empty(self) -> bool:
        """Whether it changes nothing about loads."""
        return all(getattr(self, name) is None for name in LOAD)

    def refuse(self, problems: Sequence[LoadcoreError]) -> None:
        """Raise everything that is wrong with this layer as one error.

        Raises:
            UsageError: There is a problem.
            ConfigError: The same of a file.
        """
        if not problems:
            return
        message = "\n".join(str(problem) for problem in problems)
        hint = "; ".join(dict.fromkeys(problem.hint for problem in problems if problem.hint)) or None
        if self.file is not None:
            raise ConfigError(f"{self.file}: {message}", hint=hint)
        raise UsageError(message, hint=hint)


def override(scenarios: Sequence[Scenario], layers: Sequence[Overrides]) -> list[Scenario]:
    """The scenarios as the layers change them, the strongest layer last. What is not a scenario is left as it is.

    Raises:
        UsageError: A setting does not fit a scenario's load; all that do not are named.
        ConfigError: The same of a file's settings.
    """
    changed = list(scenarios)
    for layer in layers:
        problems: list[LoadcoreError] = []
        changed = [_with_load(each, layer, problems) if isinstance(each, Scenario) else each for each in changed]
        layer.refuse(problems)
        changed = _of_run(changed, layer)
    return changed


def read(name: str, value: object) -> Any:  # noqa: ANN401 - settings are of many types
    """The value of a setting, read as every layer reads it.

    Raises:
        ValueError: It makes no sense; the message says what to write.
    """
    return _READERS[name](value)


def spelled(name: str, spelling: Spelling) -> str:
    """The name of a setting as it is written: `max_users`, `--max-users`, `LOADCORE_MAX_USERS`."""
    match spelling:
        case "option":
            return f"--{name.replace('_', '-')}"
        case "variable":
            return f"LOADCORE_{name.upper()}"
        case _:
            return name


def _with_load(scenario: Scenario, layer: Overrides, problems: list[LoadcoreError]) -> Scenario:
    """The scenario with its load and its target as the layer says."""
    holds = layer.file is None
    base_url = layer.base_url if holds or scenario.base_url is None else None
    if base_url is not None:
        scenario = replace(scenario, base_url=base_url)
    if layer.empty or not (holds or scenario.load is None):
        return scenario
    try:
        before = DEFAULT_LOAD if scenario.load is None else scenario.load
        return replace(scenario, load=load_for(before, layer, scenario.name))
    except UsageError as problem:
        problems.append(problem)
        return scenario


def _of_run(scenarios: list[Scenario], layer: Overrides) -> list[Scenario]:
    """The scenarios with the settings of the whole run: a file's hold where no scenario has one."""
    own = [each for each in scenarios if isinstance(each, Scenario)]
    for name in ("warm_up", "graceful_stop"):
        value = getattr(layer, name)
        if value is not None and (layer.file is None or all(getattr(each, name) is None for each in own)):
            scenarios = [replace(each, **{name: value}) if isinstance(each, Scenario) else each for each in scenarios]
    speaking = [each.http for each in own if isinstance(each.http, Http)]
    for name in ("upstream_header", "trace_sample"):
        value = getattr(layer, name)
        said = any(getattr(http, name) is not None for http in speaking)
        if value is not None and (layer.file is None or not said):
            scenarios = [_with_http(each, {name: value}, add=not speaking) for each in scenarios]
    return scenarios


def _with_http(scenario: Scenario, settings: Mapping[str, Any], *, add: bool) -> Scenario:
    """The scenario with these HTTP settings; in new ones only if no scenario has any."""
    if not isinstance(scenario, Scenario) or not (add or isinstance(scenario.http, Http)):
        return scenario
    return replace(scenario, http=replace(scenario.http or Http(), **settings))


def _number(least: int, most: int) -> Callable[[object], int]:
    """A reader of whole numbers, written as such or as text."""

    def reader(value: object) -> int:
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        written = f'"{value}"' if isinstance(value, str) else shown(value)
        raise ValueError(f"{written} is not a whole number from {least:,} to {most:,}")

    return reader


def _lasting(value: object) -> str:
    """A duration that is not 0, as it was written."""
    if not parse_duration(value):
        raise ValueError(f'"{value}" is not a positive duration: write it as "30s"')
    return str(value)


def _moment(value: object) -> str:
    """A duration that may be 0, as it was written."""
    parse_duration(value)
    return str(value)


def _flowing(value: object) -> str:
    """A rate that is not 0, as it was written."""
    if not parse_rate(value).count:
        raise ValueError(f'"{value}" starts nothing: write it as "400/s"')
    return str(value)


def _upstream_header(value: object) -> str:
    """A header that holds a time, as it was written."""
    parse_upstream_header(value)
    return str(value)


def _share(value: object) -> str:
    """A share of all, as it was written."""
    parse_percent(value)
    return str(value)


def _thresholds(values: object) -> object:
    """Thresholds. Whether they name a step of the scenarios is found out when these are compiled."""
    if not isinstance(values, list | tuple):
        message = f'{shown(values)} is not a list of thresholds: write ["{DEFAULT}"]'
        raise ValueError(message)  # noqa: TRY004 - callers handle one kind of error
    for each in values:
        parse(each)
    return values


_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "users": parse_users,
    "rate": _flowing,
    "max_users": _number(1, MOST_32),
    "duration": _lasting,
    "iterations": _number(1, MOST_63),
    "base_url": parse_base_url,
    "warm_up": _moment,
    "graceful_stop": _moment,
    "upstream_header": _upstream_header,
    "trace_sample": _share,
    "thresholds": _thresholds,
    "abort_on": _thresholds,
    "seed": _number(0, MOST_64),
    "workers": _number(1, MOST_32),
}
"""How each setting is read."""

_SETTINGS: Final = _READERS.keys() - {"thresholds", "abort_on", "seed", "workers"}
"""Those that change scenarios; the others are settings of the run."""
