"""Headers that hold what the start of a user fetches."""

from __future__ import annotations

from typing import Any

from loadcore import get, group, post, response
from loadcore.plan.walk import walk
from tests.unit.compiler.flows import compiled


def sent(**settings: Any) -> dict[str, list[tuple[str, str]]]:
    """The headers of each request by its name, those of the scenario included where they are sent with all."""
    result = compiled(**settings)
    requests = walk([*result["on_start"], *result["steps"]])
    return {
        each["name"]: [*each.get("headers", []), *result["headers"]] for each in requests if each["kind"] == "request"
    }


def login(name: str, *variables: str) -> Any:
    """A step of the start that extracts variables."""
    return post("/login", name=name, extract={each: response.json("$.x") for each in variables})


def test_a_key_is_sent_once_the_login_has_answered() -> None:
    """The login goes without the header that holds its result; all later requests have it."""
    headers = {"X-Key": "{key}", "Accept": "a/b"}
    key, accept = ("X-Key", "{key}"), ("Accept", "a/b")
    assert sent(headers=headers, on_start=[login("login", "key"), get("/hello")], steps=[group("g", [get("/")])]) == {
        "login": [accept],
        "GET /hello": [key, accept],
        "GET /": [key, accept],
    }


def test_a_header_waits_for_all_its_variables() -> None:
    """A header of two parts is sent when both are there; feeders' variables are there from the start."""
    on_start = [login("first", "a"), login("second", "b"), get("/third")]
    found = sent(headers={"X": "{a}-{b:raw}-{column}", "Y": "{column}"}, on_start=on_start)
    assert [name for name, headers in found.items() if any(header == "X" for header, _ in headers)] == [
        "GET /third",
        "GET /",
    ]
    assert all(("Y", "{column}") in headers for headers in found.values())


def test_a_requests_own_header_wins() -> None:
    """Whatever the case of its name."""
    steps = [get("/", headers={"x-key": "mine"})]
    assert sent(headers={"X-Key": "{key}"}, on_start=[login("login", "key")], steps=steps)["GET /"] == [
        ("x-key", "mine")
    ]


def test_braces_that_are_none_are_left_alone() -> None:
    """`{{key}}` is text."""
    found = sent(headers={"X-Key": "{{key}}"}, on_start=[login("login", "key")])
    assert found["login"] == [("X-Key", "{{key}}")]
