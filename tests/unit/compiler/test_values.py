"""Values on their way from files, Python and responses into requests: they stay what they are, or are refused."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import (
    Scenario,
    branch,
    csv_feeder,
    get,
    json_feeder,
    json_lines_feeder,
    post,
    response,
    rows_feeder,
    users,
    variable,
)
from loadcore.compiler import Options, compile_run
from loadcore.errors import Problem, ScenarioError
from tests.unit.compiler.flows import step

if TYPE_CHECKING:
    from pathlib import Path

LONG = 12345678901234567890123


def found(*steps: Any, **settings: Any) -> list[Problem]:
    """What is wrong with a scenario, looked at by the compiler and by the engine."""
    one = Scenario(
        "one",
        base_url="http://127.0.0.1:8080",
        load=users(1, duration="1s"),
        steps=list(steps) or [get("/")],
        **settings,
    )
    try:
        compile_run([one], Options(seed=1))
    except ScenarioError as error:
        return list(error.problems)
    return []


def messages(*steps: Any, **settings: Any) -> list[str]:
    """The same, without places."""
    return [problem.message for problem in found(*steps, **settings)]


def written(folder: Path, name: str, content: str | bytes) -> str:
    """The path of a file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_numbers_of_a_body_keep_their_digits() -> None:
    """What JSON has no limit for is not limited on the way into the plan."""
    body = step(post("/", json={"id": LONG, "n": [2**64, 0.1, True, None], "text": "é"}))["body"]
    assert body == {"kind": "json", "text": f'{{"id":{LONG},"n":[{2**64},0.1,true,null],"text":"é"}}'}
    assert messages(post("/", json={"id": LONG})) == []


def test_numbers_of_rows_and_comparisons_keep_their_digits() -> None:
    """Numbers that readers of the plan could not keep are written as text."""
    claim = step(get("/", checks=[response.json("$.id") == LONG]))["checks"][0]["claim"]
    assert claim["compare"] == {"operator": "==", "value": {"json": str(LONG)}}
    assert step(get("/", checks=[response.json("$.id") > 7]))["checks"][0]["claim"]["compare"]["value"] == 7
    rows: list[dict[str, Any]] = [{"a": LONG, "b": 19.5, "c": [1, {"d": LONG}], "e": "7", "f": 7}]
    assert messages(get("/{a}/{b}/{c}/{e}/{f}"), feeders=[rows_feeder(rows)]) == []
    endless = get("/", checks=[response.json("$.id") == float("inf")])
    assert messages(endless) == ["$.id == Infinity is compared with inf, which JSON does not have"]


def test_a_default_of_none_leaves_the_variable_without_a_value() -> None:
    """So a branch can ask whether there was one; other defaults are values, strings as they are."""
    extract: dict[str, Any] = {
        "a": response.json("$.next").default(None),
        "b": response.json("$.next").default(""),
        "c": response.json("$.next").default(0),
        "d": response.json("$.items[*].id").random(),
        "e": response.json("$.items[*].id").all().default("[]"),
    }
    assert step(get("/", extract=extract))["extracts"] == [
        {"variable": "a", "from": {"kind": "json", "path": "$.next"}, "optional": True},
        {"variable": "b", "from": {"kind": "json", "path": "$.next"}, "default": ""},
        {"variable": "c", "from": {"kind": "json", "path": "$.next"}, "default": "0"},
        {"variable": "d", "from": {"kind": "json", "path": "$.items[*].id", "pick": "random"}},
        {"variable": "e", "from": {"kind": "json", "path": "$.items[*].id", "pick": "all"}, "default": "[]"},
    ]
    assert messages(get("/", extract=extract), branch(variable("a").exists(), then=[get("/{a}")])) == []


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("items", "a path begins with `$`: write `$.items` for `items`"),
        ("$.items[{$random(0,9)}].id", 'write response.json("$.items[*].id").random()'),
        ("$.items.0", "write `$.items[0]` for `$.items.0`"),
        ("$[?@.name == '{name}']", "a path holds no variables"),
    ],
)
def test_a_path_that_is_none_is_said_with_its_remedy(path: str, remedy: str) -> None:
    """In an extract and in a check; and what the extract would have set is not missing as well."""
    extract = messages(get("/", extract={"x": response.json(path)}), get("/{x}"))
    check = messages(get("/", checks=[response.json(path) == 1]))
    for (message,) in (extract, check):
        assert remedy in message


def test_a_random_value_needs_a_path_of_several() -> None:
    """A path of one place is refused with the one that names the items."""
    (message,) = messages(get("/", extract={"x": response.json("$.items").random()}))
    assert message == "`$.items` names one place; `$.items[*]` names each item of a list there"


@pytest.mark.parametrize(
    ("name", "content", "feeder", "message"),
    [
        ("u.csv", 'u,p\nann,1\nbob,"2\ncid,3\n', csv_feeder, "line 3: the quote is not closed"),
        ("u.csv", 'u,p\n"a\\"b",1\n', csv_feeder, "line 2: `b` follows a closing quote"),
        ("u.csv", "u,p\nann\n", csv_feeder, "line 2: 1 value, but 2 columns (u, p)"),
        ("u.csv", "u,p\n", csv_feeder, "u.csv: it has no rows"),
        ("u.csv", b"u,p\n\xfc,1\n", csv_feeder, "line 2: not UTF-8; save the file as UTF-8"),
        ("u.csv", "u;p\nann;1\n", csv_feeder, 'line 1: the only column is `u;p`; write delimiter=";" to part it'),
        ("u.csv", "u,p,u\n1,2,3\n", csv_feeder, "line 1: two columns are named `u`"),
        ("u.json", '{"u": 1}', json_feeder, "json_lines_feeder reads an object a line"),
        ("u.json", '[{"u": 1, "p": 2},\n{"u": 1}]', json_feeder, "row 2: no value for `p`"),
        ("u.jsonl", '{"u": 1, "p": 2}\n{"u": 1, "p": }', json_lines_feeder, "line 2: expected value"),
    ],
)
def test_a_bad_data_file_is_one_problem_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | bytes, feeder: Any, message: str
) -> None:
    """The file and the line; and not every variable that it would have given as well."""
    monkeypatch.chdir(tmp_path)
    (problem,) = found(get("/{u}/{p}"), feeders=[feeder(written(tmp_path, name, content))])
    assert problem.message.startswith(name)
    assert message in problem.message
    assert (problem.at or "").startswith("test_values.py:")


def test_several_bad_files_are_all_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declared in one line, their names distinguish them; a variable that none of them has is still an error."""
    monkeypatch.chdir(tmp_path)
    bad = written(tmp_path, "bad.csv", 'u\n"x\n')
    short = written(tmp_path, "short.csv", "p,q\n1\n")
    assert messages(
        get("/{u}/{p}/{other}"), feeders=[csv_feeder(bad), csv_feeder("nowhere.csv"), csv_feeder(short)]
    ) == [
        "bad.csv, line 2: the quote is not closed",
        f"{__file__.removesuffix('test_values.py')}nowhere.csv: the file does not exist",
        "short.csv, line 2: 1 value, but 2 columns (p, q); quote a value that contains the delimiter",
    ]
    (first, second) = messages(get("/{p}/{other}"), feeders=[csv_feeder(short)])
    assert first.startswith("short.csv, line 2")
    assert second == "nothing gives `{other}` a value"


@pytest.mark.parametrize("feeders", [["users.csv"], "users.csv", [rows_feeder([5])], [rows_feeder([])]])  # type: ignore[list-item]
def test_what_is_not_a_feeder_is_one_problem(feeders: Any) -> None:
    """The variables that it would have given are not missing as well."""
    assert len(messages(get("/{u}"), feeders=feeders)) == 1


def test_a_column_has_one_feeder(tmp_path: Path) -> None:
    """Two feeders of one column are refused, both named; so is one feeder listed twice."""
    users = csv_feeder(written(tmp_path, "users.csv", "id,name\n1,a\n"))
    items = csv_feeder(written(tmp_path, "items.csv", "id,price\n1,2\n"))
    rows = rows_feeder([{"price": 1}])
    assert messages(get("/{id}"), feeders=[users, items]) == ["users.csv and items.csv both have a column `id`"]
    assert messages(get("/"), feeders=[items, rows]) == ["items.csv and `rows` both have a column `price`"]
    assert messages(get("/{id}"), feeders=[users, users]) == ["the feeder users.csv is listed twice"]
    assert messages(get("/{name}/{price}"), feeders=[users, rows]) == []


def test_an_extract_of_the_start_is_not_undone_by_rows(tmp_path: Path) -> None:
    """What `on_start` extracts into a column would be gone with the next row; in an iteration it is as written."""
    users = csv_feeder(written(tmp_path, "users.csv", "id\n1\n"))
    extracting = get("/me", extract={"id": response.json("$.id")})
    (message,) = messages(get("/{id}"), feeders=[users], on_start=[extracting])
    assert message == "`id` is a column of users.csv, whose next row would replace what is extracted here"
    assert messages(extracting, get("/{id}"), feeders=[users]) == []


def test_columns_may_be_called_anything(tmp_path: Path) -> None:
    """A name with spaces is used as the file has it."""
    users = csv_feeder(written(tmp_path, "users.csv", "first name;Preis (€)\nann;1,5\n"), delimiter=";")
    assert messages(get("/{first name}/{Preis (€)}"), feeders=[users]) == []
    assert messages(post("/", json={"n": "{first name:json}"}), feeders=[users]) == []
    (message,) = messages(get("/{last name}"), feeders=[users])
    assert "does not begin a variable" in message
    assert "or is a feeder's column" in message


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "é", None])
def test_delimiters_that_separate_nothing_are_refused(tmp_path: Path, delimiter: Any) -> None:
    """One character of ASCII that means nothing else."""
    users = csv_feeder(written(tmp_path, "users.csv", "u\nann\n"), delimiter=delimiter)
    (message,) = messages(feeders=[users])
    assert message.startswith(f"the delimiter is {delimiter!r}: it must be one character")


def test_csv_is_what_the_strict_reader_of_python_reads(tmp_path: Path) -> None:
    """Of any text, the two accept and refuse the same, but for what has no rows or rows of different lengths."""
    generator = random.Random(7)
    seen = {True: 0, False: 0}
    for number in range(400):
        text = "".join(generator.choices('a",\n ', weights=(6, 4, 3, 2, 1), k=generator.randint(3, 14)))
        text = "h,i\n" + text
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(row)]
        except csv.Error:
            accepted, rows = False, []
        else:
            accepted = True
            if len(rows) == 1 or {len(row) for row in rows} != {2}:
                continue
        feeder = csv_feeder(written(tmp_path, f"{number}.csv", text))
        assert (messages(feeders=[feeder]) == []) is accepted, text
        seen[accepted] += 1
    assert min(seen.values()) > 30, seen


def test_a_plan_that_is_shown_hides_secrets_of_bodies() -> None:
    """The text of a JSON body is looked into."""
    one = Scenario("one", base_url="http://x.test", steps=[post("/", json={"password": "geheim", "n": LONG})])
    plan, _ = compile_run([one], Options(seed=1))
    shown = plan.redacted()["scenarios"][0]["steps"][0]["body"]["text"]
    assert json.loads(shown) == {"password": "***", "n": LONG}
