"""The command that a report says to run again: whole, but for its secrets."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer.main

from loadcore.cli.app import app
from loadcore.cli.typed import typed

SECRET = "hunter2"


def told(*arguments: str) -> str:
    """What is recorded of a command line."""
    command: Any = typer.main.get_command(app).commands[arguments[0]]  # type: ignore[attr-defined]
    context = command.make_context("loadcore " + arguments[0], list(arguments[1:]))
    return typed(context)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "shop.py", "--users", "50", "--duration", "20s"),
        (
            "run",
            "shop.py:browse",
            "--rate",
            "400/s",
            "--threshold",
            "errors.rate < 1%",
            "--threshold",
            "checks.rate > 9%",
        ),
        ("bench", "http://127.0.0.1:8080/items?limit=2", "--connections", "5", "--header", "Accept: text/html"),
        ("run", "shop.py", "--no-strict-client", "--seed", "7"),
    ],
)
def test_a_command_is_recorded_as_it_can_be_typed_again(arguments: tuple[str, ...]) -> None:
    """Every argument that was given, and none that was not."""
    assert sorted(shlex.split(told(*arguments))) == sorted(["loadcore", *arguments])


def test_letters_become_names_and_places_are_left_out() -> None:
    """Where a run is kept and how it is shown is not part of it."""
    said = told(
        "run", "shop.py", "-u", "5", "-d", "2s", "-q", "--json", "--out", "x", "--html", "y.html", "--color", "never"
    )
    assert said == "loadcore run shop.py --users 5 --duration 2s"


def test_variables_of_the_environment_are_part_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them another run would be another."""
    monkeypatch.setenv("LOADCORE_USERS", "9")
    assert told("run", "shop.py") == "loadcore run shop.py --users 9"


@pytest.mark.parametrize(
    "arguments",
    [
        ("bench", f"http://me:{SECRET}@127.0.0.1:1/"),
        ("bench", f"http://127.0.0.1:1/?api_key={SECRET}"),
        ("bench", "http://127.0.0.1:1/", "--auth", f"me:{SECRET}"),
        ("bench", "http://127.0.0.1:1/", f"-ame:{SECRET}"),
        ("bench", "http://127.0.0.1:1/", "-H", f"Authorization: Bearer {SECRET}"),
        ("bench", "http://127.0.0.1:1/", f"-HCookie: sid={SECRET}"),
        ("bench", "http://127.0.0.1:1/", "--data", f'{{"user": "me", "password": "{SECRET}"}}'),
        ("bench", "http://127.0.0.1:1/", "--data", f"user=me&password={SECRET}"),
        ("bench", "http://127.0.0.1:1/", "--data", f"<password>{SECRET}</password>"),
        ("run", "shop.py", "-e", f"SHOP_PASSWORD={SECRET}"),
        ("run", "shop.py", "--base-url", f"http://me:{SECRET}@127.0.0.1:1"),
        ("run", "shop.py", "--target-metrics", f"http://127.0.0.1:1/metrics?token={SECRET}"),
    ],
)
def test_no_secret_is_recorded(arguments: tuple[str, ...]) -> None:
    """Whatever it is in, and however it was written."""
    said = told(*arguments)
    assert SECRET not in said
    assert "***" in said
