"""The list of commands, which is printed without importing them."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main

from loadcore.cli.app import app
from loadcore.cli.commands import COMMANDS

_WIDTH = 66
"""What the help of `loadcore` has for a summary where a terminal has 80 columns."""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_how_its_help_begins(name: str) -> None:
    """And none is shortened."""
    group: Any = typer.main.get_command(app)
    assert group.commands[name].get_short_help_str(_WIDTH) == COMMANDS[name]


@pytest.mark.parametrize(
    ("path", "usage"),
    [
        ("run", "[OPTIONS] SCENARIO"),
        ("init", "[OPTIONS] [NAME]"),
        ("import", "[OPTIONS] KIND FILE [OUT]"),
        ("compare", "[OPTIONS] [A B]"),
        ("runs rm", "[OPTIONS] [RUN...]"),
        ("doctor", "[OPTIONS]"),
    ],
)
def test_help_names_arguments_as_the_pages_do(path: str, usage: str) -> None:
    """In capitals, without braces and without types of Python."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="loadcore")
    for name in path.split():
        command = command.commands[name]
        context = typer.Context(command, info_name=name, parent=context)
    text = command.get_help(context)
    assert f"Usage: loadcore {path} {usage}\n" in text
    assert "<str>" not in text
    assert "<list" not in text
