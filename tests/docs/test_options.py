"""Commands, options and variables that the documentation names exist."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from loadcore.cli.app import app
from loadcore_target.cli import serve_parser
from tests.docs.pages import PAGES, blocks_of, inline_code_of, name_of

if TYPE_CHECKING:
    from pathlib import Path


@cache
def _command(*path: str) -> Any:
    found: Any = typer.main.get_command(app)
    for name in path:
        found = found.commands[name]
    return found


def _options_of(command: Any) -> set[str]:
    return {option for entry in command.params for option in (*entry.opts, *entry.secondary_opts)} | {"-h", "--help"}


def _everything() -> list[Any]:
    root = _command()
    inner = [command for each in root.commands.values() for command in getattr(each, "commands", {}).values()]
    return [root, *root.commands.values(), *inner]


def _texts(page: Path) -> list[str]:
    """Pieces of code in which a command may stand."""
    lines = [line for block in blocks_of(page) if block.language != "python" for line in block.text.splitlines()]
    return [*(line.removeprefix("$ ") for line in lines), *inline_code_of(page)]


def _unknown(text: str) -> list[str]:
    """What of a `loadcore` command line does not exist."""
    words = shlex.split(re.split(r" {2,}|[|>]|…", text)[0], comments=True)
    while words and "=" in words[0]:
        words.pop(0)
    if not words or words[0] != "loadcore" or len(words) == 1 or words[1].isupper():
        return []
    path = [word for word in words[1:] if re.fullmatch(r"[a-z]+", word)]
    if words[1].startswith("-"):
        path = []
    elif not path or path[0] not in _command().commands:
        return [words[1]]
    several = len(path) > 1 and path[1] in getattr(_command(path[0]), "commands", {})
    command = _command(*path[: 2 if several else 1])
    options = _options_of(command)
    if path[:1] == ["run"] and any(word.startswith("locustfile") for word in words):
        options |= {"-u", "-r", "-t", "-H", "--"}  # Locust's own parser reads what loadcore does not.
        words = words[: words.index("--")] if "--" in words else words
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_their_options_exist(page: Path) -> None:
    """Every `loadcore …` of a page could be typed."""
    wrong = {text: _unknown(text) for text in _texts(page) if re.match(r"(\w+=\S+ )*loadcore ", text)}
    assert {text: words for text, words in wrong.items() if words} == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_named_alone_exist(page: Path) -> None:
    """An option in running text is one of some command, or of the gateway."""
    known = {option for command in _everything() for option in _options_of(command)}
    known |= set(re.findall(r"--[a-z-]+", serve_parser().format_help()))
    known.add("--loadcore-report")  # of pytest, by the plugin
    known |= {
        "-f",
        "--env",
        "--json-file",
        "--master",
        "--only-summary",
        "--print-stats",
        "--processes",
        "--worker",
    }  # of Locust, and of a Locust file
    alone = [text for text in inline_code_of(page) if text.startswith("--")]
    named = {word for text in alone for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)}
    assert sorted(named - known) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_variables_exist(page: Path) -> None:
    """Every `LOADCORE_…` is in the help of some command."""
    listed = {"LOADCORE_ENV", "LOADCORE_TAG", "LOADCORE_THRESHOLD", "LOADCORE_ABORT_ON"}
    found = [entry.envvar for command in _everything() for entry in command.params if entry.envvar]
    known = listed | {name for names in found for name in ([names] if isinstance(names, str) else names)}
    named = set(re.findall(r"LOADCORE_[A-Z_]+[A-Z]", page.read_text("utf-8")))
    assert sorted(named - known) == []


def test_a_wrong_command_is_found() -> None:
    """What these tests look for would be seen."""
    assert _unknown("loadcore run shop.py --user 5") == ["--user"]
    assert _unknown("loadcore rum shop.py") == ["rum"]
    assert _unknown("LOADCORE_USERS=5 loadcore target up --ports 0") == ["--ports"]
    assert _unknown("loadcore bench URL -c 5 -z 1s | head") == []
