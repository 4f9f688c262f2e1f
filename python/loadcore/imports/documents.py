"""Reading what is imported: bounded, JSON or YAML, with the place of what is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from loadcore.errors import ConfigError, UsageError
from loadcore.wording.refusals import refusing

LARGEST: Final = 256 * 1024 * 1024
"""Bytes. A recording of a day in a browser is smaller."""


class ImportFailed(ConfigError):  # noqa: N818 - reads as what happened
    """The file is not of the kind that was named."""


def read(file: str) -> str:
    """The text of a file, or of stdin for `-`.

    Raises:
        UsageError: The file does not exist.
        ImportFailed: It is too large, empty or not text.
    """
    where = "stdin" if file == "-" else file
    if file == "-":
        content = sys.stdin.buffer.read(LARGEST + 1)
    else:
        path = Path(file)
        if not path.exists():
            raise UsageError(f"the file {file} does not exist", hint="name the file to import, or - for stdin")
        if path.is_dir():
            raise UsageError(f"{file} is a folder", hint="name one file of it")
        with refusing(f"cannot read {file}"), path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ImportFailed(f"{where} is larger than {LARGEST >> 20} MiB", hint="export fewer requests at once")
    if not content.strip():
        raise ImportFailed(f"{where} is empty", hint="export the file again")
    return _decoded(content, where)


def _decoded(content: bytes, where: str) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ImportFailed(
            f"{where} is not text in UTF-8: byte {error.start} does not fit", hint="save the file as UTF-8"
        ) from None


def parsed(text: str, *, yaml: bool = False) -> dict[str, Any]:
    """The object that a document holds, from JSON or, where that is usual, from YAML.

    Raises:
        ImportFailed: The document cannot be parsed; the message says where.
    """
    document = _yaml(text) if yaml and not text.lstrip().startswith("{") else _json(text)
    if not isinstance(document, dict):
        raise ImportFailed("the top of the file is not an object", hint="check that this is the file you meant")
    return document


def _json(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise ImportFailed(
            f"{error.lineno}:{error.colno}: this is not JSON: {error.msg}",
            hint="check that the file is complete and of the kind you named",
        ) from None
    except RecursionError:
        raise ImportFailed("nested too deep to be read", hint="export the file again") from None
    except ValueError as error:
        raise ImportFailed(f"this is not JSON: {error}", hint="export the file again") from None


def _yaml(text: str) -> object:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        from loadcore.wording.extras import install_command  # noqa: PLC0415 - needed for the error only

        raise UsageError(
            "the file is YAML, which needs a package that is not installed", hint=f"run {install_command('yaml')}"
        ) from None

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """YAML without dates: `2024-01-01` stays the string that JSON would have."""

    Loader.yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.line + 1}:{mark.column + 1}: " if mark else ""
        raise ImportFailed(f"{place}this is not YAML: {error.problem}", hint="check the indentation there") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise ImportFailed(f"this is not YAML: {first}", hint="check that the file is complete") from None
