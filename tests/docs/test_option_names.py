"""An option has one name and one meaning in all commands, and messages name only options that exist."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from loadcore.cli.app import app
from loadcore.imports.curl_options import HARMLESS, LETTERS, WITH_VALUE
from loadcore_target.cli import serve_parser
from tests.docs.pages import PAGES, ROOT, inline_code_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCES = sorted((ROOT / "python/loadcore").rglob("*.py"))
TEXTS = (
    *sorted((ROOT / "python/loadcore/templates").glob("*.txt")),
    *sorted(path for path in (ROOT / "rust").glob("*/src/**/*.rs")),
)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b(?!-)")
_OF_OTHERS = {
    *("--cpus", "--pids-limit"),  # docker
    *("--nofile", "--pid"),  # prlimit
    "--backlog",  # uvicorn
    "--dashboard-address",  # Dask
    "--python",  # uv
    *("--config-users", "--headless", "--json-file", "--list", "--master", "--processes", "--stop-timeout"),  # Locust
    *("--csv-full-history", "--locustfile", "--only-summary", "--print-stats", "--web-port", "--worker"),  # Locust
    *("--no-optional-locks", "--porcelain", "--untracked-files"),  # git
    *("--dashboard", "--local-directory", "--memory-limit", "--no-dashboard", "--no-nanny", "--nthreads"),  # dask
    *("--protocol", "--tls-ca-file", "--tls-"),  # dask
    *("--follow", "--ignore-not-found", "--namespace", "--output", "--selector", "--since-time", "--wait"),  # kubectl
    "--loadcore-report",  # of pytest, by the plugin
    "--folder",  # of the module that starts the gateway's services
}
"""Options of other programs that messages name, or that are started."""
_OF_CURL = WITH_VALUE | HARMLESS | set(LETTERS.values())


def commands(command: Any = None, path: str = "loadcore") -> Iterator[tuple[str, Any]]:
    """Every command with its path."""
    command = typer.main.get_command(app) if command is None else command
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


def meanings(found: Iterable[tuple[str, Any]]) -> dict[str, dict[tuple[Any, ...], list[str]]]:
    """What each letter and each long name means: names, kind and metavariable of its option, with the commands."""
    by_name: dict[str, dict[tuple[Any, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, command in found:
        for option in command.params:
            names = (*option.opts, *option.secondary_opts)
            for name in names:
                if name.startswith("-"):
                    meaning = (option.name, frozenset(names), option.metavar, getattr(option, "is_flag", False))
                    by_name[name][meaning].append(path)
    return by_name


def test_a_name_means_one_thing_in_all_commands() -> None:
    """One letter, one long name: one option, whichever command takes it."""
    twice = {name: dict(meant) for name, meant in meanings(commands()).items() if len(meant) > 1}
    assert twice == {}


def test_letters_are_what_users_of_other_tools_expect() -> None:
    """A header is `-H` and the duration `-d`; the target has no letter, and `--host` is the same as `--base-url`."""
    found = meanings(commands())
    names = {name: {option for option, *_ in meant} for name, meant in found.items()}
    assert names["-H"] == {"header"}
    assert names["-d"] == names["-z"] == names["--duration"] == {"duration"}
    assert names["--host"] == names["--base-url"] == {"base_url"}
    ((_, spellings, *_),) = found["--base-url"]
    assert spellings == {"--base-url", "--host"}


def test_two_meanings_would_be_found() -> None:
    """A command of another kind that takes a known letter is seen."""
    other = typer.Typer()

    @other.command()
    def body(data: str = typer.Option("", "-d", "--data")) -> None:
        """Takes a body."""

    found = meanings([*commands(), ("other", typer.main.get_command(other))])
    assert len(found["-d"]) == 2


def known() -> set[str]:
    """Every long name, of loadcore and of the gateway that it starts."""
    of_commands = {name for name in meanings(commands()) if name.startswith("--")}
    return of_commands | set(_OPTION.findall(serve_parser().format_help())) | {"--help"} | _OF_OTHERS | _OF_CURL


def strings_of(path: Path) -> str:
    """All that a file may print: its strings, docstrings among them."""
    if path.suffix != ".py":
        return path.read_text("utf-8")
    tree = ast.parse(path.read_text("utf-8"))
    return "\n".join(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("path", [*SOURCES, *TEXTS], ids=name_of)
def test_messages_name_options_that_exist(path: Path) -> None:
    """What an error, a hint or a help text tells a user to type can be typed."""
    assert sorted(set(_OPTION.findall(strings_of(path))) - known()) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_name_options_that_exist(page: Path) -> None:
    """Every option between backticks, but for those of other programs' command lines."""
    ours = [code for code in inline_code_of(page) if re.match(r"(loadcore |target |run |bench |check |-)", code)]
    assert sorted({word for code in ours for word in _OPTION.findall(code)} - known()) == []
