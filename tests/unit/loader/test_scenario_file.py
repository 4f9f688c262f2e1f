"""Scenario files: read, picked from, and what happens when they are wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.compiler import Options, compile_plan
from loadcore.errors import ExitCode, LoadcoreError, PlanError, ScenarioError, ScenarioNotFound, ScenarioRaised
from loadcore.loader import scenario_file

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = """
from loadcore import Scenario, get

browse = Scenario("browse items", base_url="http://x.test", steps=[get("/")])
order = again = Scenario("order", base_url="http://x.test", steps=[get("/")])
_draft = Scenario("draft", steps=[])
THRESHOLDS = ["errors.rate < 5%"]
if __name__ == "__main__":
    raise SystemExit("executed as a program")
"""


def write(folder: Path, text: str, name: str = "shop.py") -> Path:
    """A scenario file with this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def failure(target: Path | str) -> LoadcoreError:
    """What loading raises."""
    with pytest.raises(LoadcoreError) as caught:
        scenario_file.load(target)
    return caught.value


def test_a_file_gives_its_scenarios_and_thresholds(tmp_path: Path) -> None:
    """Scenarios bound to public names, each once, in the order they are written."""
    file = scenario_file.load(write(tmp_path, SCENARIOS))
    assert [each.name for each in file.scenarios] == ["browse items", "order"]
    assert (file.thresholds, file.name, file.path) == (("errors.rate < 5%",), "shop", tmp_path / "shop.py")


def test_a_scenario_is_picked_by_its_name(tmp_path: Path) -> None:
    """What follows the colon is the name that results show, spaces included."""
    path = write(tmp_path, SCENARIOS)
    assert [each.name for each in scenario_file.load(f"{path}:browse items").scenarios] == ["browse items"]


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    """A problem found later is reported for the user's line."""
    path = write(tmp_path, 'from loadcore import *\n\ns = Scenario("s",\n  steps=[\n    get("/", expect=5)])\n')
    with pytest.raises(ScenarioError) as caught:
        compile_plan(scenario_file.load(path).scenarios, Options())
    assert {problem.at for problem in caught.value.problems} == {"shop.py:3", "shop.py:5"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shpo.py", '{folder}/shpo.py does not exist, did you mean "shop.py"?'),
        ("shpo.py:order", '{folder}/shpo.py does not exist, did you mean "shop.py"?'),
        ("shop.py:ordre", 'shop.py: unknown scenario "ordre", did you mean "order"?'),
        ("shop.py:x", 'shop.py: unknown scenario "x" (known: browse items, order)'),
        ("nowhere/shop.py", "{folder}/nowhere/shop.py does not exist"),
        ("", "{folder} is a folder: name the scenario file in it"),
    ],
)
def test_what_is_not_there_is_said_with_a_proposal(tmp_path: Path, target: str, message: str) -> None:
    """A wrong file or name is answered by the nearest right one, and by exit code 104."""
    write(tmp_path, SCENARIOS)
    error = failure(f"{tmp_path}/{target}".rstrip("/"))
    assert (type(error), str(error), error.exit_code) == (
        ScenarioNotFound,
        message.format(folder=tmp_path),
        ExitCode.CONFIG,
    )


def test_a_file_without_a_scenario_is_refused(tmp_path: Path) -> None:
    """A file that declares nothing gives the line that is missing."""
    error = failure(write(tmp_path, "from loadcore import Scenario\n"))
    assert isinstance(error, PlanError)
    assert str(error).startswith("shop.py: the file declares no scenario\n  hint: assign one to a variable")


def test_thresholds_are_a_list(tmp_path: Path) -> None:
    """A string would be read letter by letter."""
    error = failure(write(tmp_path, SCENARIOS.replace('["errors.rate < 5%"]', '"errors.rate < 5%"')))
    assert str(error) == "shop.py: THRESHOLDS is 'errors.rate < 5%': it must be a list"


def test_exceptions_of_the_file_are_reported_with_its_own_lines(tmp_path: Path) -> None:
    """The user sees where in the own files it happened, and nothing of loadcore or Python."""
    write(tmp_path, "import json\n\ndef parse():\n    return json.loads('{')\n", "accounts.py")
    error = failure(write(tmp_path, "import accounts\naccounts.parse()\n"))
    assert isinstance(error, ScenarioRaised)
    assert error.exit_code == ExitCode.SCENARIO_RAISED
    assert error.message.startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert error.frames == ("shop.py:2 in <module>: accounts.parse()", "accounts.py:4 in parse: return json.loads('{')")


def test_deep_exceptions_stay_short(tmp_path: Path) -> None:
    """At most eight lines, those next to the exception."""
    error = failure(write(tmp_path, "def f(n):\n    return f(n - 1) if n else 1 / 0\n\nf(50)\n"))
    lines = str(error).splitlines()
    assert (len(lines), lines[0]) == (8, "ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("text", "message", "frame"),
    [
        ("x = (\n", "SyntaxError: '(' was never closed", "shop.py:1: x = ("),
        ("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'", "shop.py:1 in <module>: import nowhere"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3", "shop.py:1 in <module>: import sys; sys.exit(3)"),
    ],
)
def test_files_that_cannot_be_executed(tmp_path: Path, text: str, message: str, frame: str) -> None:
    """Mistakes of syntax, missing modules and exits are exceptions of the file like any other."""
    error = failure(write(tmp_path, text))
    assert isinstance(error, ScenarioRaised)
    assert (error.message, error.frames[-1]) == (message, frame)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('Scenario("a", step=[])', 'Scenario(…) has no argument "step", did you mean "steps"?'),
        ('Scenario("a", host="http://h")', 'Scenario(…) has no argument "host", did you mean "base_url"?'),
        ('Scenario("a", tasks=[])', 'Scenario(…) has no argument "tasks", did you mean "steps"?'),
        ("users(1, time='3s')", 'users(…) has no argument "time" (known: users, duration)'),
        ("users(1, 2, 3)", "users(…) takes 1 positional argument but 3 were given"),
        ("users()", "users(…) missing 1 required positional argument: 'users'"),
        ('Http(timeout="3s")', 'Http(…) has no argument "timeout", did you mean "timeouts"?'),
        ('csv_feeder("a.csv", orders=1)', 'csv_feeder(…) has no argument "orders", did you mean "order"?'),
    ],
)
def test_wrong_arguments_of_a_declaration_are_named(tmp_path: Path, call: str, message: str) -> None:
    """A call that does not fit is a mistake of the file like any other (104), with its line and what was meant."""
    error = failure(write(tmp_path, f"from loadcore import *\n\n{call}\n"))
    assert (str(error), error.exit_code) == (f"shop.py:3: {message}", ExitCode.CONFIG)
    error = failure(write(tmp_path, f"import loadcore\n\n\nloadcore.{call}\n"))
    assert str(error) == f"shop.py:4: {message}"


def test_wrong_arguments_of_a_function_of_the_user_stay_an_exception(tmp_path: Path) -> None:
    """Also if it has the name of a declaration."""
    error = failure(write(tmp_path, "def users(count):\n    return count\n\nusers(counts=3)\n"))
    assert isinstance(error, ScenarioRaised)
    assert error.message == "TypeError: users() got an unexpected keyword argument 'counts'"


def test_a_missing_module_comes_with_the_command_for_this_environment(tmp_path: Path) -> None:
    """Which of several Pythons lacks it is in the hint."""
    error = failure(write(tmp_path, "import nowhere.at_all\n"))
    assert error.hint == f"install it in loadcore's environment: {sys.executable} -m pip install nowhere"


def test_loading_leaves_no_trace(tmp_path: Path) -> None:
    """The folder is importable while the file is executed only, and no byte code of the file is written."""
    write(tmp_path, "NAME = 'helped'\n", "a_neighbour.py")
    before = list(sys.path)
    write(tmp_path, SCENARIOS + "import a_neighbour\n")
    scenario_file.load(tmp_path / "shop.py")
    assert sys.path == before
    assert list(tmp_path.glob("__pycache__/shop*")) == []


def test_files_with_dataclasses_and_annotations_can_be_executed(tmp_path: Path) -> None:
    """What looks its own module up finds it."""
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    assert scenario_file.load(write(tmp_path, text + SCENARIOS)).name == "shop"


def test_loading_again_reads_the_file_again(tmp_path: Path) -> None:
    """A file that was changed is not served from memory."""
    scenario_file.load(write(tmp_path, SCENARIOS))
    assert [each.name for each in scenario_file.load(write(tmp_path, SCENARIOS.replace("order", "buy"))).scenarios][
        1
    ] == "buy"


@pytest.mark.parametrize(
    "content",
    [
        b"# ok\nname = 'M\xfcller'\n",
        b"# ok\n\xff\xfe\n",
        "\ufeff# ok\n".encode("utf-16-le"),
        b"# -*- coding: no-such -*-\n",
        b"# -*- coding: utf-8 -*-\n# M\xfcller\n",
    ],
)
def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path, content: bytes) -> None:
    """A mistake of the file, not an exception of its code: what it is, where, and what to do."""
    (tmp_path / "shop.py").write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        scenario_file.load(tmp_path / "shop.py")

    (problem,) = caught.value.problems
    line = 2 if content.startswith((b"# ok", b"# -*- coding: utf-8")) else 1
    assert (problem.message, problem.at) == ("the file is not UTF-8", f"shop.py:{line}")
    assert "save the file as UTF-8" in str(problem.hint)


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# M\xfcller\n"])
def test_a_mark_or_a_named_encoding_is_read(tmp_path: Path, start: bytes) -> None:
    """As Python itself reads such files."""
    text = 'from loadcore import *\ns = Scenario("s", base_url="http://a", load=users(1), steps=[get("/")])\n'
    (tmp_path / "shop.py").write_bytes(start + text.encode())

    assert [each.name for each in scenario_file.load(tmp_path / "shop.py").scenarios] == ["s"]
