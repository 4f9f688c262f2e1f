"""Values of options that are read without pydantic, and those that are left to typer."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
import typer.main

from loadcore.cli.plain_values import read_plainly


class Colour(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


def _command(  # noqa: PLR0917 - a parameter of each kind
    text: Annotated[str | None, typer.Option()] = None,
    number: Annotated[int, typer.Option(min=1, max=20)] = 7,
    share: Annotated[float, typer.Option()] = 0.5,
    colour: Annotated[Colour, typer.Option()] = Colour.RED,
    path: Annotated[Path | None, typer.Option()] = None,
    given: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    several: Annotated[list[str] | None, typer.Option()] = None,
    numbers: Annotated[list[int] | None, typer.Option()] = None,
    flag: Annotated[bool, typer.Option(envvar="PLAIN_VALUES_FLAG")] = False,
) -> None:
    typer.echo(repr((text, number, share, colour, path, given, several, numbers, flag)))


def _result(arguments: list[str], *, plainly: bool) -> Any:
    """What the command is called with, or how its arguments are refused."""
    app = typer.Typer(add_completion=False)
    called: list[dict[str, Any]] = []
    app.command()(_command)
    command: Any = typer.main.get_command(app)
    command.callback = lambda **values: called.append(values)
    if plainly:
        read_plainly(command)
    try:
        command.main(arguments, prog_name="test", standalone_mode=False)
    except typer.TyperException as refused:
        return type(refused), refused.format_message()
    return called


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--text", ""],
        ["--text", "a b"],
        ["--number", "1"],
        ["--number", "20"],
        ["--number", "0"],
        ["--number", "21"],
        ["--number", "-1"],
        ["--number", " 5 "],
        ["--number", "1_0"],
        ["--number", "٣"],
        ["--number", "5.0"],
        ["--number", "many"],
        ["--share", "0.25"],
        ["--share", "half"],
        ["--colour", "blue"],
        ["--colour", "Blue"],
        ["--colour", "green"],
        ["--path", "no/such/file"],
        ["--path", "/"],
        ["--path", ""],
        ["--given", "no/such/file"],
        ["--given", "/"],
        ["--given", __file__],
        ["--several", "a", "--several", "b c"],
        ["--numbers", "1", "--numbers", "2"],
        ["--numbers", "1", "--numbers", "99"],
        ["--flag"],
        ["--no-flag"],
    ],
    ids=" ".join,
)
def test_values_are_read_as_typer_reads_them(arguments: list[str]) -> None:
    """The same values of the same types; what typer refuses is refused, perhaps in words of ours."""
    own, of_typer = _result(arguments, plainly=True), _result(arguments, plainly=False)
    if isinstance(own, tuple) and "expected " in own[1]:
        own, of_typer = own[0], of_typer[0]
    assert repr(own) == repr(of_typer)


@pytest.mark.parametrize("value", ["true", "0", "", "no", "perhaps"])
def test_flags_of_the_environment_are_read_by_typer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A variable is a string, and there are many ways to write yes."""
    monkeypatch.setenv("PLAIN_VALUES_FLAG", value)
    assert repr(_result([], plainly=True)) == repr(_result([], plainly=False))
