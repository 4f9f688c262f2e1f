"""The command that was typed, without secrets: what a report says to run again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from loadcore.cli.option_values import source_of
from loadcore.cli.run_documents import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

_NOT_REPEATED = frozenset(
    {"out", "prometheus", "otlp", "remote_write", "color", "progress", "quiet", "as_json", "ui", "help", *OPTIONS}
)
"""Options that say where a run is kept and how it is shown."""
_PAIRS = {"header": (":", ": "), "env": ("=", "=")}
_HIDDEN = frozenset({"auth"})
_BODIES = frozenset({"data"})


def typed(context: typer.Context) -> str:
    """The command with every argument that was given, on the command line or by a variable of the environment."""
    words = [context.command_path]
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if name in _NOT_REPEATED or value is None:
            continue
        if parameter.param_type_name == "argument":
            words.append(shlex.quote(_shown(name, str(value))))
        elif source_of(context, parameter, value) is not None:
            words += _option(parameter, name, value)
    return " ".join(words)


def _option(parameter: Any, name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - of the parser
    long = next(option for option in (*parameter.opts, f"--{name}") if option.startswith("--"))
    if isinstance(value, bool):
        yield long if value else next(iter(parameter.secondary_opts), long)
        return
    for each in value if isinstance(value, list | tuple) else [value]:
        yield long
        yield shlex.quote(_shown(name, str(getattr(each, "value", each))))


def _shown(name: str, value: str) -> str:
    """A value without what is secret in it."""
    from loadcore.plan.redaction import HIDDEN, is_sensitive, redacted_body, redacted_url

    if name in _HIDDEN:
        return HIDDEN
    if name in _BODIES:
        return value if value.startswith("@") else redacted_body(value)
    if name in _PAIRS:
        separator, written = _PAIRS[name]
        key, _, rest = value.partition(separator)
        return f"{key}{written}{HIDDEN if is_sensitive(key) else redacted_url(rest.strip())}"
    return redacted_url(value)
