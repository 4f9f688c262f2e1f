"""Declarations: plain, frozen, and free of work."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from loadcore import (
    Http,
    Scenario,
    api_key,
    basic,
    bearer,
    branch,
    check,
    choice,
    csv_feeder,
    env,
    every,
    get,
    group,
    iterations,
    oauth2_password,
    post,
    repeat,
    response,
    rows_feeder,
    think,
    upload,
    users,
    variable,
)
from loadcore.errors import ScenarioError
from loadcore.scenario.place import here
from tests.unit.compiler.flows import compiled, scenario

DECLARATIONS: list[Any] = [
    Http(),
    bearer("t"),
    check(response.status == 200, stop=True),
    choice((1, [get("/")])),
    csv_feeder("no-such-file.csv"),
    every("1s"),
    get("/"),
    group("g", [get("/")]),
    iterations(total=1),
    rows_feeder([{}]),
    scenario(),
    think("1s"),
    upload("no-such-file"),
    users(1, duration="1s"),
]


@pytest.mark.parametrize("declared", DECLARATIONS, ids=lambda each: type(each).__name__)
def test_declarations_are_frozen(declared: Any) -> None:
    """What was declared cannot be changed afterwards."""
    name = dataclasses.fields(declared)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(declared, name, None)


def test_later_changes_to_what_was_given_do_not_matter() -> None:
    """Lists and dictionaries are copied when they are given."""
    body: dict[str, Any] = {"tags": ["a"]}
    steps = [post("/", json=body)]
    headers = {"X-A": "1"}
    declared: Any = Scenario("one", base_url="http://x.test", steps=steps, headers=headers)
    body["tags"].append("b")
    steps.append(post("/2"))
    headers["X-B"] = "2"
    result = compiled(*declared.steps, headers=declared.headers)
    assert [each.get("body") for each in result["steps"]] == [{"kind": "json", "text": '{"tags":["a"]}'}]
    assert result["headers"] == [("X-A", "1")]


def test_equal_declarations_are_equal_wherever_they_stand() -> None:
    """The place of a declaration is not a part of its value."""
    first = get("/", checks=[response.status == 200])
    second = get("/", checks=[response.status == 200])
    assert first == second


def helper() -> Any:
    """A step made by a function of the user's."""
    return get("/")


def test_places_are_the_lines_in_which_things_are_written() -> None:
    """Each thing has the line of its own call, whatever it is part of and whoever calls the function it is in."""
    line = here()
    assert line is not None
    declared: Any = scenario(
        get("/"),
        group("g", [repeat(2, [get("/2")])]),
        branch(variable("x").exists(), then=[helper()]),
    )
    first, second, third = declared.steps
    lines = [first.place.line, second.place.line, second.steps[0].steps[0].place.line, third.then[0].place.line]
    assert lines == [line.line + 3, line.line + 4, line.line + 4, helper.__code__.co_firstlineno + 2]
    assert str(first.place) == f"test_declarations.py:{line.line + 3}"


def test_declarations_of_loadcore_itself_have_no_place() -> None:
    """What a command declares, as `loadcore bench` does, is not a line of a user's file."""
    names: dict[str, Any] = {"__name__": "loadcore.cli.bench", "get": get}
    exec("declared = get('/')", names)
    assert names["declared"].place is None


def test_secrets_stand_in_no_representation() -> None:
    """Printing a declaration shows neither passwords nor tokens nor keys."""
    shown = repr(
        [
            bearer("hush"),
            basic("me", "hush"),
            api_key("hush", header="X"),
            oauth2_password(token_url="/t", username="me", password="hush", client=("id", "hush")),
            rows_feeder([{"password": "hush"}]),
        ]
    )
    assert "hush" not in shown
    assert "NAME" in repr(basic(env("NAME"), "hush"))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: 200 <= response.status < 300,
        lambda: response.status == 200 and response.size < "1kB",
        lambda: not response.json("$.x").exists(),
        lambda: 1 if response.contains("x") else 2,
    ],
    ids=["chain", "and", "not", "if"],
)
def test_claims_have_no_truth_value(attempt: Any) -> None:
    """What Python would decide at once is refused: the response is not there yet."""
    with pytest.raises(ScenarioError, match=r"test_declarations.py:\d+: a claim about a response has no truth value"):
        attempt()


def test_values_are_written_as_they_are_shown() -> None:
    """A value's representation can be pasted."""
    values = [response.status, response.json("$.id"), response.header("ETag"), response.service_time]
    shown = ["response.status", "response.json('$.id')", "response.header('ETag')", "response.service_time"]
    assert [repr(value) for value in values] == shown


def test_an_iterator_is_no_table() -> None:
    """What can be read only once would be empty the second time."""
    with pytest.raises(ScenarioError, match=r"give the function itself, rows_feeder\(make_rows\)"):
        rows_feeder({"n": n} for n in range(3))
