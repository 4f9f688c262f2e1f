"""Settings from a file: `loadcore.toml`, or `[tool.loadcore]` of `pyproject.toml`.

The nearest of them upwards from the working directory counts; both in one folder are an error, because it would be
unclear which one applies. Keys are those of the command line's long options, with `_` for `-`:

    users = 50                    # or stages: "0:10s,1000:20s"
    rate = "400/s"
    duration = "1m"
    thresholds = ["errors.rate < 1%", "response.p95 < 250ms"]
    env = { REGION = "eu" }

A value of the file replaces loadcore's default; the scenario, the environment and the command line replace it in turn.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadcore.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "loadcore.toml"

_PYPROJECT = "pyproject.toml"

_Types = tuple[type, ...]

KEYS: Mapping[str, tuple[_Types, str]] = {
    "users": ((int, str), "a number, or stages as a string"),
    "rate": ((str,), 'a string like "400/s"'),
    "max_users": ((int,), "a number"),
    "duration": ((str,), 'a string like "30s"'),
    "iterations": ((int,), "a number"),
    "warm_up": ((str,), 'a string like "10s"'),
    "workers": ((int,), "a number"),
    "seed": ((int,), "a number"),
    "base_url": ((str,), "text"),
    "thresholds": ((list,), "a list of strings"),
    "abort_on": ((list,), "a list of strings"),
    "env": ((dict,), "a table of strings"),
    "name": ((str,), "text"),
    "tags": ((dict,), "a table of strings"),
    "out": ((str,), "text"),
    "prometheus": ((str, int), "a port, or an address as text"),
    "otlp": ((str,), "text"),
    "remote_write": ((str,), "text"),
    "html": ((str,), "text"),
    "markdown": ((str,), "text"),
    "junit": ((str,), "text"),
    "gitlab_metrics": ((str,), "text"),
    "benchmark": ((str,), "text"),
    "csv": ((str,), "text"),
    "parquet": ((str,), "text"),
    "progress": ((str,), "text"),
    "color": ((str,), "text"),
    "target_pid": ((int,), "a number"),
    "target_cgroup": ((str,), "text"),
    "target_metrics": ((str,), "text"),
    "upstream_header": ((str,), 'a string like "X-Backend-Time=s"'),
    "trace_sample": ((str,), 'a string like "1%"'),
    "trace_url": ((str,), "text with {trace_id} in it"),
    "allow_lost_workers": ((bool,), "true or false"),
    "strict_client": ((bool,), "true or false"),
    "calibrate": ((bool,), "true or false"),
}
"""Every key with the types of its values, and what they are called."""

_ALIASES: Mapping[str, str] = {"host": "base_url"}
"""Other names of keys."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one file.

    Attributes:
        path: The file; None if there is none.
        values: What it sets, by the long option's name with `_` for `-`.
    """

    path: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict)


def load(start: Path) -> Config:
    """Reads the settings that hold in a folder: those of the nearest file there or above.

    Raises:
        ConfigError: The file cannot be read, has unknown keys or values of the wrong kind, or there are two of them.
    """
    for folder in (start, *start.parents):
        own = folder / FILE_NAME
        shared = folder / _PYPROJECT
        table = _tool_table(shared) if shared.is_file() else None
        if own.is_file():
            if table is not None:
                raise ConfigError(
                    f"both {own} and [tool.loadcore] of {shared} have settings",
                    hint="keep them in one of the two files",
                )
            return Config(own, _checked(_read(own), str(own)))
        if table is not None:
            return Config(shared, _checked(table, f"[tool.loadcore] of {shared}"))
    return Config()


def _read(path: Path) -> Mapping[str, object]:
    import tomllib

    try:
        # Editors of other systems begin files with a mark that TOML does not know.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: this is not UTF-8", hint="save the file as UTF-8") from problem
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}", hint="it must be a TOML file") from problem


def _tool_table(path: Path) -> Mapping[str, object] | None:
    """`[tool.loadcore]` of a project file; None where a project says nothing about loadcore."""
    tools = _read(path).get("tool")
    table = tools.get("loadcore") if isinstance(tools, Mapping) else None
    if table is not None and not isinstance(table, Mapping):
        raise ConfigError(f"tool.loadcore in {path} is not a table", hint="write it as [tool.loadcore]")
    return table


def _checked(table: Mapping[str, object], where: str) -> dict[str, object]:
    """The table, if it has only known keys with values of the right kind. Reports everything that is wrong at once."""
    problems = [
        f"`{alias}` and `{key}` are the same setting" for alias, key in _ALIASES.items() if {alias, key} <= table.keys()
    ]
    hints = []
    table = {_ALIASES.get(key, key): value for key, value in table.items()}
    for key, value in table.items():
        if key not in KEYS:
            problems.append(f"unknown key `{key}`")
            similar = difflib.get_close_matches(key.replace("-", "_"), KEYS, n=1)
            hints.append(f"did you mean `{similar[0]}`?" if similar else f"known keys: {', '.join(KEYS)}")
        elif not _fits(value, KEYS[key][0]):
            problems.append(f"`{key}` must be {KEYS[key][1]}, not {_shown(value)}")
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}", hint=" ".join(dict.fromkeys(hints)) or None)
    return dict(table)


def _shown(value: object) -> str:
    """The value for a message. Lists and tables may contain secrets: `env` has them."""
    return "one with other values" if isinstance(value, list | dict) else repr(value)


def _fits(value: object, types: _Types) -> bool:
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, list):
        return list in types and all(isinstance(each, str) for each in value)
    if isinstance(value, dict):
        return dict in types and all(isinstance(each, str) for each in value.values())
    return isinstance(value, types)
