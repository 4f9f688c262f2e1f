"""Reference pages made from the program itself: what `--help` says, and the JSON Schemas."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.main

from loadcore.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = Path(__file__).resolve().parent.parent / "python" / "loadcore"
_SUFFIX = ".schema.json"

_COMMANDS = """\
# Commands and options

Every command with its arguments and options, as `loadcore COMMAND --help` prints them. [Command line](cli.md) says what
holds for all of them: streams, quantities, where settings come from.
"""
_SCHEMAS = """\
# JSON Schemas

What `--json` prints and a run folder holds is valid against these. Later versions may add keys; [the run
folder](run-folder.md) says what they mean.
"""


def commands_page() -> str:
    """A section for each command, in the order of `loadcore --help`."""
    root: Any = typer.main.get_command(app)
    sections = [_section(context) for context in _contexts(typer.Context(root, info_name="loadcore"))]
    return "\n".join([_COMMANDS, *sections])


def schemas_page() -> str:
    """A table for each schema: its keys at the top, what they are, and where the whole of it is."""
    return "\n".join([_SCHEMAS, *(_schema(name, text) for name, text in schemas().items())])


def schemas() -> dict[str, str]:
    """The schemas in the package, as files of the site."""
    found = sorted(_PACKAGE.rglob(f"*{_SUFFIX}"))
    return {f"schemas/{path.name}": path.read_text("utf-8") for path in found}


def _contexts(context: Any) -> Iterator[Any]:
    """Contexts of all commands below one, without those that only hold others."""
    for name, command in getattr(context.command, "commands", {}).items():
        inner = typer.Context(command, info_name=name, parent=context)
        if not command.hidden:
            yield from _contexts(inner) if hasattr(command, "commands") else [inner]


def _section(context: Any) -> str:
    """A command's usage, what it does, and its parameters."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    records = [record for entry in command.get_params(context) if (record := entry.get_help_record(context))]
    rows = [f"| {_code(names)} | {_cell(text)} |" for names, text in records]
    return "\n".join([
        f"## {context.command_path}\n",
        f"```\n{usage}\n```\n",
        _escaped((command.help or "").strip()),
        "\n| argument or option | |\n|---|---|",
        *rows,
        "",
    ])  # fmt: skip


def _schema(place: str, text: str) -> str:
    schema = json.loads(text)
    name = place.rpartition("/")[2]
    document = name.removesuffix(_SUFFIX) + ".json"
    required = set(schema.get("required", ()))
    rows = [
        f"| `{key}` | {_kind(value)} | {_cell(_remark(key in required, value))} |"
        for key, value in schema["properties"].items()
    ]
    intro = f"## {document}\n\n{schema['description']} The whole schema: [{name}](../{place}).\n"
    return "\n".join([intro, "| key | type | |", "|---|---|---|", *rows, ""])


def _remark(required: bool, value: dict[str, Any]) -> str:  # noqa: FBT001 - one of two remarks
    return " ".join(filter(None, ["" if required else "Optional.", value.get("description", "")]))


def _kind(value: dict[str, Any]) -> str:
    """The type of a key in a word or two."""
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return "one of " + ", ".join(f"`{json.dumps(word)}`" for word in value["enum"])
    kind = value.get("type", "object" if "$ref" in value else "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _code(text: str) -> str:
    """As code in a cell of a table, which a bar would end: how to escape one in code is not the same everywhere."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text in which nothing is markup but code between backticks."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for piece in pieces[::2]]
    return "`".join(pieces)
