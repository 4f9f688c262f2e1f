"""The values of options: who gave them, and the refusal of what makes no sense, before anything is loaded.

What is made here are callbacks of the parser. Each gives back the value that the command gets.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import typer

from loadcore.errors import UsageError

_HOST = "127.0.0.1"
_MOST_PORT = 65_535

Callback: TypeAlias = Callable[[typer.Context, typer.CallbackParam, Any], Any]


def setting(name: str) -> Callback:
    """Refuses what is not a value of this setting, whoever gives it; hands on what the user wrote."""
    return checked(_reader(name))


def number(name: str) -> Callback:
    """Makes a number of what the user wrote."""

    def callback(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - see above
        return None if value is None else _read(_reader(name), context, parameter, value)

    return callback


def length(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuses anything that is not a duration. A body after `-d`, as hey has it, is not repeated: it may be secret."""
    if value is not None and context.info_name == "bench" and not value[:1].isdigit():
        raise UsageError("-d is the duration, as in -d 30s; the body is --data", hint=_help(context))
    return None if value is None else str(setting("duration")(context, parameter, value))


def pairs(separator: str, example: str) -> Callable[[list[str]], object]:
    """Refuses what is not a name, the separator and a value."""

    def check(values: list[str]) -> None:
        for count, value in enumerate(values, start=1):
            name, found, _ = value.partition(separator)
            if not found or not name.strip():
                # What it is stays unsaid: it may be a secret.
                which = f"the {count}. of them" if len(values) > 1 else "it"
                raise ValueError(f'{which} has no name with a "{separator}" after it: write it as "{example}"')

    return check


def several(variable: str, check: str | Callable[[list[str]], object]) -> Callback:
    """Of an option that may be repeated, or comes from a variable with `;` between the values.

    The parser itself would cut a variable at spaces, which these values have.

    Args:
        variable: Where the values come from, if none is given.
        check: The setting that they are, or what refuses them.
    """
    refuse = _reader(check) if isinstance(check, str) else check

    def callback(context: typer.Context, parameter: typer.CallbackParam, values: list[str]) -> list[str]:
        found = values or [text.strip() for text in os.environ.get(variable, "").split(";") if text.strip()]
        _read(refuse, context, parameter, found)
        return found

    return callback


def checked(check: Callable[[Any], object]) -> Callback:
    """Refuses what `check` refuses and hands on what the user wrote."""

    def callback(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - see above
        if value is not None:
            _read(check, context, parameter, value)
        return value

    return callback


def address(text: str) -> tuple[str, int]:
    """Host and port of `9464`, `:9464`, `0.0.0.0:9464`, `[::1]:9464`.

    Raises:
        ValueError: It is not an address.
    """
    host, _, port = text.strip().rpartition(":")
    if not port.isdigit() or int(port) > _MOST_PORT:
        raise ValueError(f'"{text}" is not an address: write a port as in "9464", or "127.0.0.1:9464"')
    return host.strip("[]") or _HOST, int(port)


def http_url(text: str) -> str:
    """The URL, if it is one.

    Raises:
        ValueError: It is not.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f'"{text}" is not a URL: write it as "http://127.0.0.1:4318"')
    return text


def trace_url(text: str) -> str:
    """The URL of a trace, if it is one.

    Raises:
        ValueError: It is not.
    """
    from loadcore.plan.traces import parse_url

    return parse_url(text)


def source_of(context: typer.Context, parameter: Any, value: object) -> str | None:  # noqa: ANN401 - of the parser
    """The option or the variable that a value came from, as it is written; None for a default."""
    long = next(option for option in (*parameter.opts, f"--{parameter.name}") if option.startswith("--"))
    names = parameter.envvar or f"LOADCORE_{long.removeprefix('--').upper().replace('-', '_')}"
    found = context.get_parameter_source(parameter.name)
    match found.name if found is not None else "":
        case "COMMANDLINE":
            return str(long)
        case "ENVIRONMENT":
            return _set_variable(names)
        case _:
            # Lists are read from the environment by us, because expressions have spaces in them.
            return _set_variable(names) if isinstance(value, list) and value else None


def _set_variable(names: str | Sequence[str]) -> str:
    """The variable that is set, of one that has several names."""
    return names if isinstance(names, str) else next((name for name in names if name in os.environ), names[0])


def _reader(name: str) -> Callable[[Any], object]:
    """Reads a value as the setting of that name is read wherever it comes from."""

    def reader(value: Any) -> object:  # noqa: ANN401 - see above
        from loadcore.compiler.overrides import read

        return read(name, value)

    return reader


def _read(
    reader: Callable[[Any], object], context: typer.Context, parameter: typer.CallbackParam, value: object
) -> object:
    if context.resilient_parsing:  # Completion has no use for values.
        return None
    try:
        return reader(value)
    except ValueError as problem:
        message = f"{source_of(context, parameter, value) or parameter.name}: {problem}"
        raise UsageError(message, hint=_help(context)) from None


def _help(context: typer.Context) -> str:
    return f"{context.command_path} --help lists the options"
