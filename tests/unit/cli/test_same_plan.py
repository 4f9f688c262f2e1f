"""The command line and `loadcore.run` make the same of the same settings."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

import loadcore
from loadcore.cli.app import main
from loadcore.errors import LoadcoreError, ScenarioError

LOADS = (
    None,
    'users(1, duration="30s")',
    "users(20)",
    'user_stages((5, "10s"), (0, "1s"))',
    'arrival_rate("5/s", duration="10s", max_users=7, arrivals="poisson")',
    'arrival_stages(("5/s", "10s"))',
    "iterations(total=100, users=5)",
    "iterations(each=3)",
)
SCENARIO = """
from loadcore import *
THRESHOLDS = ["errors.rate < 5%"]
"""
VALUES: dict[str, list[str]] = {
    "users": ["7", "0:10s,1000:20s", "0", "many", "5:10"],
    "rate": ["50/s", "10/min", "0/s", "5"],
    "max_users": ["9", "0", "x"],
    "duration": ["9s", "1m30s", "0s", "9"],
    "iterations": ["8", "0"],
    "warm_up": ["1s", "0s", "1"],
    "base_url": ["http://other.test:81/v1", "other.test", "http://"],
    "upstream_header": ["X-Up=s", "X-Up", "a b", "X-Up=h"],
    "trace_sample": ["1%", "0%", "0.01", "101%"],
    "thresholds": ["response.p95 < 1s", "response.p95 < 1", "nope: errors.rate < 1%"],
    "workers": ["3", "0"],
}
SPELLED = {"thresholds": "threshold"}


def _file(loads: list[str | None], warm_up: bool) -> str:
    declared = "".join(
        f'\nS{number} = Scenario("s{number}", base_url="http://127.0.0.1:1", steps=[get("/{number}")]'
        f"{f', load={load}' if load else ''}{', warm_up=' + repr('2s') if warm_up else ''})"
        for number, load in enumerate(loads)
    )
    return SCENARIO + declared + "\n"


class _Captured(BaseException):
    """What was about to be run."""


def _capture(plan: Any, rules: Any, **arguments: Any) -> Any:
    raise _Captured(plan.document, tuple(rules), arguments["workers"])


def by_command(path: Path, given_: dict[str, str]) -> Any:
    """What `loadcore run` is about to run, or the lines of its error."""
    words = [word for name, value in given_.items() for word in (_option(name), value)]
    told = io.StringIO()
    with (
        redirect_stderr(told),
        redirect_stdout(io.StringIO()),
        patch("loadcore.processes.launch.run_plan", side_effect=_capture),
    ):
        try:
            code = main(["run", str(path), "--seed", "5", "--no-calibrate", "-q", *words])
        except _Captured as captured:
            return captured.args
    return code, [line.removeprefix("error: ") for line in told.getvalue().splitlines() if not line.startswith("hint")]


def by_call(path: Path, given_: dict[str, str]) -> Any:
    """The same of `loadcore.run`."""
    arguments: dict[str, Any] = {name: int(value) if value.isdigit() else value for name, value in given_.items()}
    for name in ("rate", "duration", "warm_up"):
        if name in given_:
            arguments[name] = given_[name]
    if "thresholds" in given_:
        arguments["thresholds"] = [given_["thresholds"]]
    with patch("loadcore.processes.launch.run_plan", side_effect=_capture):
        try:
            return loadcore.run(path, seed=5, **arguments)
        except _Captured as captured:
            return captured.args
        except ScenarioError as error:
            return error.exit_code, [
                f"{each.at}: {each.message}" if each.at else each.message for each in error.problems
            ]
        except LoadcoreError as error:
            return error.exit_code, str(error).splitlines()


def _option(name: str) -> str:
    return f"--{SPELLED.get(name, name).replace('_', '-')}"


def _as_argument(line: str) -> str:
    """A line of the command's error, with the settings spelled as arguments."""
    for name in VALUES:
        line = re.sub(rf"{_option(name)}\b(?!-)", name, line.strip())
    return line


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(LOADS), min_size=1, max_size=2),
    st.booleans(),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}),
)
def test_options_and_arguments_make_the_same_plan(
    loads: list[str | None], warm_up: bool, given_: dict[str, str]
) -> None:
    """Plan, thresholds and workers are equal, and so are exit code and message of what is refused."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shop.py"
        path.write_text(_file(loads, warm_up), encoding="utf-8")
        called, commanded = by_call(path, given_), by_command(path, given_)
    if len(called) == 3 or len(commanded) == 3:
        assert commanded == called
        return
    (code, lines), (expected_code, expected) = commanded, called
    assert code == expected_code
    told = [_as_argument(line) for line in lines]
    # The parser stops at the first value that makes no sense.
    assert told == expected or (len(told) == 1 and told[0] in expected)
