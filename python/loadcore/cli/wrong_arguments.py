"""What is wrong with the arguments of a command, in our words rather than in those of typer and pydantic."""

import re
from collections.abc import Sequence
from typing import Any

import typer

from loadcore.cli.commands import COMMANDS
from loadcore.wording.suggestions import did_you_mean

# typer exports neither the types of parameters and contexts nor those of most errors.
# ruff: noqa: ANN401


def explain(error: typer.TyperException, arguments: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and what to do about it.

    Args:
        error: What typer raised.
        arguments: What follows `loadcore`.
    """
    message, path = error.format_message(), _path(error, arguments)
    for explained in (_option, _command, _too_many, _value):
        if (said := explained(error, message)) is not None:
            what, remedy = said
            return what, remedy.format(path=path)
    return message, f"{path} --help lists the options"


_OPTIONS = "{path} --help lists the options"
_COMMANDS = "{path} --help lists the commands"


def _option(error: Any, message: str) -> tuple[str, str] | None:
    if message.startswith("No such option") and error.ctx is not None:
        known = [name for each in error.ctx.command.params for name in each.opts if name.startswith("--")]
        return f"unknown option {error.option_name}{did_you_mean(error.option_name, known)}", _OPTIONS
    if found := re.match(r"Option '(.*?)' (?:(requires an argument)|does not take a value)", message):
        return f"{found[1]} {'needs a value' if found[2] else 'takes no value'}", _OPTIONS
    return None


def _command(error: Any, message: str) -> tuple[str, str] | None:
    context = getattr(error, "ctx", None)
    if context is None:
        return None
    known = list(getattr(context.command, "commands", ()))
    if found := re.match(r"No such command '(.*?)'", message):
        return f'unknown command "{found[1]}"{did_you_mean(found[1], known)}', _COMMANDS
    if known and message == context.get_help():
        return f"expected a command: {', '.join(known)}", "{path} --help says what each does"
    return None


def _too_many(_: Any, message: str) -> tuple[str, str] | None:
    """They are not repeated: as often as not they are the end of a header or a body that has no quotes."""
    if not message.startswith("Got unexpected extra argument"):
        return None
    if re.search(r"\([\d.]+/\w+\)$", message):
        return "too many arguments", "-q is --quiet in all commands; a rate is --rate 400/s"
    return "too many arguments", "quote a value that contains spaces; {path} --help lists all"


def _value(error: Any, message: str) -> tuple[str, str] | None:
    if getattr(error, "param", None) is None:
        return None
    if message.startswith("Missing "):
        return f"{_name(error)} is missing", _OPTIONS
    return f"{_name(error)}: {error.message}", _OPTIONS


def _path(error: Any, arguments: Sequence[str]) -> str:
    """The command, also of errors that do not know theirs."""
    if (context := getattr(error, "ctx", None)) is not None:
        return str(context.command_path)
    return f"loadcore {arguments[0]}" if arguments and arguments[0] in COMMANDS else "loadcore"


def _name(error: Any) -> str:
    """What a parameter is called where its value comes from."""
    parameter = error.param
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name).upper()
    source = error.ctx.get_parameter_source(parameter.name) if error.ctx is not None else None
    if source is not None and source.name == "ENVIRONMENT":
        return str(parameter.envvar if isinstance(parameter.envvar, str) else parameter.envvar[0])
    return str(max(parameter.opts, key=len))
