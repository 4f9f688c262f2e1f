"""Reading plain values of options without pydantic, which takes longer to import than the rest of the command line.

typer makes a pydantic adapter for each parameter of a command, also for those that no one gave. Most values need none:
a string is a string. What is not plain is left to typer, so that it is read as ever, and refused
in our words.
"""

import os
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import typer

_NOT_PLAIN: Final = object()


def read_plainly(command: Any) -> None:  # noqa: ANN401 - typer does not export the types of commands and parameters
    """Have a command read the plain ones of its values here, `--help` among them, which it adds by itself."""
    of_typer = command.get_params
    command.get_params = lambda ctx: [_read_plainly(parameter) for parameter in of_typer(ctx)]


def _read_plainly(parameter: Any) -> Any:  # noqa: ANN401 - see above
    # Where a version of typer has none of these, it reads all values by itself.
    of_typer = getattr(parameter, "get_runtime_param", None)
    descriptor = getattr(parameter, "type_descriptor", None)
    if of_typer is not None and descriptor is not None and not hasattr(parameter, "read_plainly"):
        reader = _Reader(of_typer, descriptor)
        parameter.get_runtime_param = lambda: reader
        parameter.read_plainly = True
    return parameter


class _Reader:
    """Takes the place of what typer reads a parameter's value with."""

    def __init__(self, of_typer: Any, descriptor: Any) -> None:  # noqa: ANN401 - see above
        self._of_typer = of_typer
        self._descriptor = descriptor

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - see above
        """The value of a parameter, from what was written. Errors are typer's."""
        found = _NOT_PLAIN
        if value is None:
            found = () if param.multiple or param.nargs == -1 else None
        elif self._descriptor.parameter_info.parser is None:
            found = plain(value, self._descriptor.annotation, self._descriptor.parameter_info)
        return self._read_by_typer(value, param, ctx) if found is _NOT_PLAIN else found

    def _read_by_typer(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - see above
        try:
            return self._of_typer().coerce(value, param=param, ctx=ctx)
        except typer.BadParameter as refused:
            from loadcore.cli.expected_values import expected

            message = expected(value, self._descriptor.annotation, self._descriptor.parameter_info)
            if message is None:
                raise
            raise typer.BadParameter(message, ctx=ctx, param=param) from refused


def plain(value: Any, kind: Any, info: Any) -> Any:  # noqa: ANN401, PLR0911 - see above; a kind a line
    """The value as typer would read it, or a mark that it is not plain."""
    if get_origin(kind) is list and isinstance(value, list | tuple):
        read = [plain(each, get_args(kind)[0], info) for each in value]
        return _NOT_PLAIN if _NOT_PLAIN in read else read
    if not isinstance(kind, type):
        return _NOT_PLAIN
    if kind is str:
        return value if type(value) is str else _NOT_PLAIN
    if kind is int:
        return _number(value, info)
    if issubclass(kind, Enum):
        return next((each for each in kind if value is each or value == each.value), _NOT_PLAIN)
    if kind is Path:
        return _new_path(value, info)
    return _NOT_PLAIN


def _number(value: Any, info: Any) -> Any:  # noqa: ANN401 - see above
    if type(value) is str and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or info.clamp:
        return _NOT_PLAIN
    fits = (info.min is None or info.min <= value) and (info.max is None or value <= info.max)
    return value if fits else _NOT_PLAIN


def _new_path(value: Any, info: Any) -> Any:  # noqa: ANN401 - see above
    """A path of which there is nothing to check: no file is there, and none has to be."""
    checked = info.exists or info.resolve_path or info.path_type is not None
    if checked or not isinstance(value, str | Path) or os.path.exists(value):  # noqa: PTH110 - also of strings
        return _NOT_PLAIN
    return Path(value)
