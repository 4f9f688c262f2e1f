"""Exceptions: their tree, their exit codes, their messages."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from loadcore import errors
from loadcore.errors import ExitCode, LoadcoreError, PlanError, Problem, ScenarioError, ScenarioRaised

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, LoadcoreError)]
EXAMPLES = [
    LoadcoreError("it went wrong", hint="try again"),
    ScenarioError([Problem("no steps", at="x.py:1", hint="write some")]),
    ScenarioRaised("ValueError: no", ("x.py:1 in <module>: f()",)),
]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Every exception is in the module's docstring below its base, with its exit code."""
    documented: dict[str, tuple[str | None, int]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+) +(\d+) ", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        path[depth:] = [match[2]]
        documented[match[2]] = (path[depth - 1] if depth else None, int(match[3]))
    actual = {
        each.__name__: (each.__base__.__name__ if each is not LoadcoreError else None, int(each.exit_code))
        for each in CLASSES
        if each.__base__ is not None
    }
    assert documented == actual


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    """The numbers are a promise."""
    assert {code.name: code.value for code in ExitCode} == {
        "PASS": 0,
        "BUG": 1,
        "USAGE": 2,
        "THRESHOLD_CROSSED": 99,
        "CONFIG": 104,
        "SCENARIO_RAISED": 107,
        "ABORTED": 108,
        "INVALID": 111,
        "REGRESSION": 112,
        "NO_DATA": 113,
        "INCONCLUSIVE": 114,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_exceptions_survive_the_way_between_processes(error: LoadcoreError) -> None:
    """What a worker raises arrives in the supervisor with all it says."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_problems_say_where_what_and_what_to_do() -> None:
    """Place, message, and the hint on a line of its own; every problem is listed."""
    error = PlanError(
        [Problem("no steps", at="x.py:1", hint="write some"), Problem("no name"), Problem("x", path="a.b")]
    )
    assert str(error) == "x.py:1: no steps\n  hint: write some\nno name\na.b: x"


def test_the_engines_problems_are_taken_as_they_come() -> None:
    """A mapping with a problem's fields is a problem: the engine reports such."""
    reported = {"path": "scenarios[0]", "at": "x.py:1", "message": "no steps", "hint": None}
    assert PlanError([reported]).problems == (Problem("no steps", at="x.py:1", path="scenarios[0]"),)
