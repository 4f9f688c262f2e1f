"""Feeders and other files to their plans."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from loadcore import csv_feeder, post, rows_feeder, upload
from loadcore.errors import ScenarioRaised
from tests.unit.compiler.flows import document, problems, scenario, step

HERE = Path(__file__).parent


def source(rows: Any, **settings: Any) -> Any:
    """What rows are compiled to."""
    return document(scenario(feeders=[rows_feeder(rows, **settings)]))["feeders"][0]["source"]


def test_files_are_found_beside_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the same wherever the run is started from."""
    monkeypatch.chdir(tmp_path)
    feeder, again = document(scenario(feeders=[csv_feeder("flows.py"), csv_feeder(HERE / "flows.py")]))["feeders"]
    assert feeder["source"] == again["source"] == {"kind": "csv", "path": str(HERE / "flows.py")}
    assert (feeder["name"], again["name"]) == ("flows", "flows 2")


def test_one_feeder_object_is_one_feeder() -> None:
    """Two scenarios that use one object deal out one table; two objects are two tables."""
    shared = rows_feeder([{"n": 1}])
    plan = document(scenario(feeders=[shared]), scenario(name="two", feeders=[shared, rows_feeder([{"n": 1}])]))
    assert [each["feeders"] for each in plan["scenarios"]] == [["rows"], ["rows", "rows 2"]]


def test_rows_become_columns() -> None:
    """Values are in the order of the first row's keys."""
    rows = [{"a": 1, "b": "x"}, {"b": None, "a": True}]
    assert source(rows) == {"kind": "rows", "columns": ["a", "b"], "rows": [[1, "x"], [True, None]]}


def test_rows_of_a_function_are_made_anew_for_every_plan() -> None:
    """A generator function is called when the plan is made, as often as it is made."""
    calls = []

    def rows() -> Any:
        calls.append(1)
        yield {"n": len(calls)}

    feeder = rows_feeder(rows)
    assert calls == []
    made = [document(scenario(feeders=[feeder]))["feeders"][0]["source"]["rows"] for _ in range(2)]
    assert made == [[[1]], [[2]]]


def test_endless_rows_end_at_the_limit() -> None:
    """A generator that never ends is read up to the limit and refused."""
    feeder = rows_feeder(lambda: ({"n": n} for n in itertools.count()), limit=50)
    assert problems(scenario(feeders=[feeder])) == ["rows_feeder got more than 50 rows"]


def test_rows_up_to_the_limit_are_taken() -> None:
    """The limit itself is allowed."""
    assert len(source([{"n": n} for n in range(50)], limit=50)["rows"]) == 50


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "rows_feeder got no rows"),
        ([5], "row 1 of rows_feeder is 5: it must be a dictionary"),
        ([{"a": 1}, {"b": 1}], "row 2 of rows_feeder has the columns b; the first row has a"),
        ([{1: 1}], "row 1 of rows_feeder has the column 1: it must be a string"),
        (
            [{"a": {1}}],
            'row 1 of rows_feeder has a set in "a": it must be a string, a number, a boolean, None, a list or a dict',
        ),
        (
            [{"a": float("inf")}],
            'row 1 of rows_feeder has a float in "a" that cannot be written as JSON: ',
        ),
        (lambda: "text", "rows_feeder got str: it must be a list of dictionaries"),
        (5, "rows_feeder got int: it must be a list of dictionaries"),
    ],
)
def test_rows_that_are_no_table(rows: Any, message: str) -> None:
    """The first row that does not fit is named."""
    assert problems(scenario(feeders=[rows_feeder(rows)]))[0].startswith(message)


def test_a_feeder_of_a_kind_that_does_not_exist_is_refused() -> None:
    """Order and end rule are looked up, with the nearest name as a proposal."""
    found = problems(scenario(feeders=[rows_feeder([{"n": 1}], order="uniqe", at_end="never")]))  # type: ignore[arg-type]
    assert found == ["order is 'uniqe', did you mean \"unique\"?", "at_end is 'never' (known: recycle, stop, fail)"]


def test_what_the_users_function_raises_is_theirs() -> None:
    """An exception in a function of rows is reported with its own line, and none of ours."""

    def rows() -> Any:
        raise KeyError("no such account")

    with pytest.raises(ScenarioRaised) as caught:
        document(scenario(feeders=[rows_feeder(rows)]))
    assert caught.value.message == "KeyError: 'no such account'"
    innermost = caught.value.frames[-1]
    assert innermost.startswith("test_feeders.py:")
    assert innermost.endswith('in rows: raise KeyError("no such account")')
    assert [frame for frame in caught.value.frames if "feeders.py:" in frame.replace("test_feeders.py", "")] == []


def test_uploads_are_read_beside_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload has the file's content and name."""
    monkeypatch.chdir(tmp_path)
    part = step(post("/", multipart={"f": upload("empty.bin")}))["body"]["parts"][0]
    assert part == {"name": "f", "base64": "", "filename": "empty.bin"}


def test_uploads_that_cannot_be_read_are_said() -> None:
    """A file that is not there is a problem of its own."""
    (found,) = problems(scenario(post("/", multipart={"f": upload("nowhere.pdf")})))
    assert found.endswith("nowhere.pdf cannot be read: No such file or directory")
