"""What the null target answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadcore import get, head, response
from loadcore.calibration.answers import answer_to
from tests.unit.compiler.flows import step


def answered(**options: Any) -> tuple[int, dict[str, str], str, list[str]]:
    """Status, headers and body of the answer to a request, and what it lacks."""
    answer, missing = answer_to(step(get("/", **options)))
    first, _, body = answer.to_bytes("GET").decode().partition("\r\n\r\n")
    line, *lines = first.split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines)
    assert int(headers.get("Content-Length", 0)) == len(body.encode())
    return int(line.split()[1]), headers, body, missing


def test_an_answer_to_anything_is_short() -> None:
    """Where nothing is asked of it."""
    assert answered() == (200, {"Content-Type": "text/plain", "Content-Length": "2"}, "ok", [])


@pytest.mark.parametrize(
    ("paths", "document"),
    [
        (["$.id"], {"id": "7"}),
        (["$.data.items[0].id", "$.data.next"], {"data": {"items": [{"id": "7"}], "next": "7"}}),
        (["$['a b'][\"c\"]"], {"a b": {"c": "7"}}),
        (["$.items[*].id", "$.items[2]"], {"items": [{"id": "7"}, None, "7"]}),
        (["$[1].x"], [None, {"x": "7"}]),
        (["$.a.*"], {"a": {"any": "7"}}),
    ],
)
def test_json_holds_what_is_extracted(paths: list[str], document: Any) -> None:
    """The document is built of the paths."""
    extract = {f"v{index}": response.json(path) for index, path in enumerate(paths)}
    _, headers, body, missing = answered(extract=extract)

    assert (json.loads(body), headers["Content-Type"], missing) == (document, "application/json", [])


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        (response.json("$.a") == "x", "x"),
        (response.json("$.a") == 3, 3),
        (response.json("$.a") == 1.5, 1.5),
        (response.json("$.a") == True, True),  # noqa: E712 - a declaration
        (response.json("$.a") > 3, 4),
        (response.json("$.a") <= 3, 3),
        (response.json("$.a") < -3, -4),
        (response.json("$.a") != "7", "a"),
        (response.json("$.a").exists(), "7"),
    ],
)
def test_json_holds_what_is_claimed(claim: Any, value: object) -> None:
    """A value for which the check holds; one that is only to be there may be any."""
    *_, body, missing = answered(checks=[response.json("$.a").exists(), claim])

    assert (json.loads(body), missing) == ({"a": value}, [])


def test_null_is_there_where_it_is_claimed() -> None:
    """It counts as missing, so nothing else finds a value there."""
    *_, body, missing = answered(checks=[response.json("$.a") == None], extract={"a": response.json("$.a")})  # noqa: E711

    assert (json.loads(body), missing) == ({"a": None}, ["extract a"])


@pytest.mark.parametrize(
    ("expect", "checks", "status"),
    [
        (None, [response.status == 201], 201),
        (404, [], 404),
        ("3xx", [], 301),
        (["2xx", 404], [response.status != 200, response.status >= 404], 404),
        (418, [], 418),
        (None, [response.status == 204], 204),
    ],
)
def test_the_status_is_the_expected_one(expect: Any, checks: list[Any], status: int) -> None:
    """That for which the checks hold, of those that are not errors."""
    options = {} if expect is None else {"expect": expect}

    assert answered(checks=checks, **options)[0] == status


@pytest.mark.parametrize(
    "pattern",
    [
        r"id=(\d+)",
        r'name="csrf" value="([^"]+)"',
        r"<title>(.*?)</title>",
        r"^order (?P<id>\w+)$",
        r"a\.b\(c\) \d",
    ],
)
def test_regular_expressions_find_something(pattern: str) -> None:
    """Those that hold their text, but for some groups."""
    assert answered(extract={"x": response.regex(pattern)})[3] == []


def test_headers_and_texts_are_there() -> None:
    """Beside each other, and beside JSON."""
    _, headers, body, missing = answered(
        checks=[response.header("X-A") == "b", response.contains("hello {{x}}"), response.size > "1kB"],
        extract={"x": response.header("ETag"), "y": response.json("$.y")},
    )

    assert (headers["X-A"], headers["ETag"], missing) == ("b", "7", [])
    assert "hello {x}" in body
    assert len(body) > 1000
    assert json.loads(body)["y"] == "7"


@pytest.mark.parametrize(
    ("options", "lacks"),
    [
        ({"extract": {"x": response.json("$.items[?@.a > 1].id")}}, "extract x"),
        ({"extract": {"x": response.json("$..id")}}, "extract x"),
        ({"extract": {"x": response.regex(r"(?=a)b(a|b)*$")}}, "extract x"),
        ({"extract": {"x": response.header("Location")}}, "extract x"),
        ({"checks": [response.json("$.a") == "{name}"]}, "check $.a"),
        ({"checks": [response.json("$.a") == 1, response.json("$.a") == 2]}, "check $.a"),
        ({"checks": [response.json("$.a").exists(), response.json("$[0]").exists()]}, "check $[0]"),
        ({"checks": [response.status == 201, response.status == 202]}, "check status"),
    ],
)
def test_what_no_answer_can_hold_is_named(options: dict[str, Any], lacks: str) -> None:
    """It is not left out in silence."""
    missing = answered(**options)[3]

    assert len(missing) == 1
    assert missing[0].startswith(lacks)


def test_an_answer_to_head_has_no_body() -> None:
    """It tells the length of the one it would have."""
    answer, _ = answer_to(step(head("/")))

    assert answer.to_bytes("HEAD").endswith(b"Content-Length: 2\r\n\r\n")
