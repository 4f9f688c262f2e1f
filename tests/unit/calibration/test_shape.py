"""Plans made into ones of the same shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadcore import (
    arrival_rate,
    bearer,
    branch,
    check,
    choice,
    env,
    every,
    get,
    group,
    login,
    oauth2_password,
    post,
    repeat,
    response,
    rows_feeder,
    think,
    users,
    variable,
)
from loadcore.calibration.shape import MOST_USERS, Shape, shape_of
from loadcore.plan.checked import checked
from tests.unit.compiler.flows import plan, scenario

ELSEWHERE = "https://shop.example.com"
TEN = users(10, duration="1m")


def shaped(*scenarios: Any) -> Shape:
    """The shape, of which the engine takes the plan."""
    found = shape_of(plan(*scenarios), 2.0)
    assert checked(found.aimed("http://127.0.0.1:9")).description is not None
    return found


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/items?a={x}", "/1/api/items?a={x}"),
        ("items", "/1/api/items"),
        ("https://other.example.com/a/b?c", "/1/a/b?c"),
        ("https://user:secret@other.example.com", "/1/"),
        ("//other.example.com/a", "/1/a"),
        ("{next}", "/1/{next}"),
        ("{next}/more", "/1/{next}/more"),
    ],
)
def test_every_url_is_one_of_the_null_target(url: str, path: str) -> None:
    """Whatever it leads to: paths stay, origins go, and a variable in front is a part of the path."""
    feeder = rows_feeder([{"x": "1", "next": "https://other.example.com/"}])
    found = shaped(scenario(get(url), base_url="http://127.0.0.1:8080/api", load=TEN, feeders=[feeder]))

    assert found.plan.document["scenarios"][0]["steps"][0]["url"] == path
    assert found.aimed("http://127.0.0.1:9").document["scenarios"][0]["base_url"] == "http://127.0.0.1:9"


def test_the_shape_stays_and_the_pauses_go() -> None:
    """Groups, choices, repeats, branches, bodies, checks and extracts are as they were."""
    asked = branch(variable("id").exists(), then=[get("/b")], otherwise=[think("1s"), get("/c")])
    body = {"id": "{id}", "at": "{$now}"}
    found = shaped(
        scenario(
            get("/a", extract={"id": response.json("$.id")}, headers={"X": "y"}),
            think("1s"),
            group("g", [choice((3, [post("/", json=body)]), (1, [repeat(4, [asked, think("5s")])]))]),
            on_start=[get("/start"), think("1s")],
            load=TEN,
            pacing=every("10s"),
        )
    )
    made = found.plan.document["scenarios"][0]

    assert made["load"] == {"kind": "users", "users": 10, "duration_ns": 2_000_000_000}
    assert "pacing" not in made
    assert "think" not in json.dumps(made)
    first, second = made["steps"]
    assert (first["headers"], first["extracts"][0]["from"]) == ([("X", "y")], {"kind": "json", "path": "$.id"})
    options = second["steps"][0]["options"]
    assert [weight for weight, _ in options] == [3, 1]
    assert json.loads(options[0][1][0]["body"]["text"]) == body
    assert options[1][1][0]["times"] == 4
    assert found.not_covered == ()


def test_logins_are_made_at_the_null_target() -> None:
    """Token calls and requests of a login too, and they find their token."""
    oauth = oauth2_password(token_url=f"{ELSEWHERE}/token", username="a", password="b")
    own = login(
        post(f"{ELSEWHERE}/session", json={"a": "b"}),
        token=response.json("$.data.token"),
        expires_in=response.json("$.data.seconds"),
    )
    found = shaped(scenario(get("/a"), auth=oauth, load=TEN, name="a"), scenario(get("/b"), auth=own, load=TEN))

    ways = [auth["way"] for auth in found.plan.document["auth"]]
    assert ways[0]["token_url"] == "/3/token"
    assert ways[1]["request"]["url"] == "/4/session"
    assert b'"access_token":"calibration"' in found.answers[3]
    assert found.answers[4].endswith(b'{"data":{"token":"calibration","seconds":3600}}')
    assert "example.com" not in found.plan.to_json()


def test_what_cannot_be_satisfied_ends_no_iteration() -> None:
    """A check that stops does not, an extract that finds nothing has a value, and both are reported."""
    found = shaped(
        scenario(
            get(
                "/a",
                name="a",
                checks=[check(response.json("$..x") == 1, name="deep", stop=True)],
                extract={"id": response.json("$..id"), "b": response.header("B").default("c")},
            ),
            get("/{id}"),
            load=TEN,
        )
    )
    step = found.plan.document["scenarios"][0]["steps"][0]

    assert found.not_covered == ("a: no response satisfies check deep, extract id",)
    assert "stop" not in step["checks"][0]
    assert [extract["default"] for extract in step["extracts"]] == ["7", "c"]


def test_tls_is_told_to_be_left_out() -> None:
    """The null target speaks plain HTTP."""
    assert shaped(scenario(base_url=ELSEWHERE, load=TEN)).not_covered == ("TLS: the null target speaks plain HTTP",)


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([users(5000, duration="1s")], [MOST_USERS]),
        ([arrival_rate("500/s", duration="1s")], [50]),
        ([arrival_rate("500/s", duration="1s", max_users=20)], [20]),
        ([arrival_rate("1/min", duration="1s")], [1]),
        ([arrival_rate("900/s", duration="1s"), arrival_rate("100/s", duration="1s")], [90, 10]),
    ],
)
def test_users_are_as_many_as_the_run_has(loads: list[Any], expected: list[int]) -> None:
    """Of an open model as many as a target of 100 ms keeps busy, by their share of the requests."""
    found = shaped(*(scenario(name=str(index), load=load) for index, load in enumerate(loads)))

    assert [each["load"]["users"] for each in found.plan.document["scenarios"]] == expected
    assert found.users == sum(expected)


def test_rows_never_run_out() -> None:
    """They are dealt out faster than in the run."""
    feeder = rows_feeder([{"a": 1}], at_end="stop")

    assert shaped(scenario(get("/{a}"), load=TEN, feeders=[feeder])).plan.document["feeders"][0]["at_end"] == "recycle"


def test_secrets_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """What costs something is done all the same."""
    monkeypatch.setenv("KEY", "secret")
    found = shaped(scenario(get("/", headers={"X": env("KEY")}), load=TEN, auth=bearer(env("KEY"))))

    assert found.plan.document["auth"][0]["way"]["token"] == {"env": "KEY"}
    assert "secret" not in found.plan.to_json()
