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
