"""Steps to their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loadcore import (
    Timeouts,
    anonymous,
    bearer,
    branch,
    check,
    choice,
    env,
    get,
    group,
    head,
    post,
    repeat,
    request,
    response,
    think,
    upload,
    variable,
)
from tests.unit.compiler.flows import compiled, document, plan, problems, scenario, step

if TYPE_CHECKING:
    from pathlib import Path

LIST: Any = [1]


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (get("/items?limit=1"), "GET /items"),
        (get("/items/{id}#top"), "GET /items/{id}"),
        (get("https://other.test"), "GET /"),
        (get("https://other.test/a?b=https://c.test/d"), "GET /a"),
        (get("{next}"), "GET {next}"),
        (request("purge", "/x"), "PURGE /x"),
        (head("/x", name="probe"), "probe"),
    ],
)
def test_names_leave_out_what_differs_from_request_to_request(declared: Any, name: str) -> None:
    """A step without a name is called by its method and path, so that results have few rows."""
    assert step(declared)["name"] == name


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"json": None}, {"kind": "json", "text": "null"}),
        ({"json": ("a", 1)}, {"kind": "json", "text": '["a",1]'}),
        ({"json": {"id": "{id:json}"}}, {"kind": "json", "text": '{"id":"{id:json}"}'}),
        ({"form": {"a": ["1", 2], "b": False}}, {"kind": "form", "fields": [("a", "1"), ("a", "2"), ("b", "false")]}),
        ({"text": "{x}"}, {"kind": "text", "text": "{x}"}),
        ({"text": "x", "content_type": "a/b"}, {"kind": "text", "text": "x", "content_type": "a/b"}),
        ({"content": b"{x}"}, {"kind": "bytes", "base64": "e3h9"}),
        (
            {"multipart": {"a": "{x}", "f": upload(b"\x00", filename="n", content_type="a/b")}},
            {
                "kind": "multipart",
                "parts": [
                    {"name": "a", "text": "{x}"},
                    {"name": "f", "base64": "AA==", "filename": "n", "content_type": "a/b"},
                ],
            },
        ),
    ],
)
def test_bodies(options: Any, body: dict[str, Any]) -> None:
    """Each kind of body is written as the engine reads it."""
    assert step(post("/", **options))["body"] == body


@pytest.mark.parametrize(
    ("httpx", "older"),
    [
        ({"params": {"a": [1, 2], "b": "{x}"}}, {"query": {"a": [1, 2], "b": "{x}"}}),
        ({"data": {"a": "{x}"}}, {"form": {"a": "{x}"}}),
        ({"content": "{x}"}, {"text": "{x}"}),
        ({"content": env("BODY")}, {"text": env("BODY")}),
        ({"files": {"f": upload(b"x", filename="n")}}, {"multipart": {"f": upload(b"x", filename="n")}}),
        (
            {"data": {"a": "{x}"}, "files": {"f": ("n", b"x", "a/b")}},
            {"multipart": {"a": "{x}", "f": upload(b"x", filename="n", content_type="a/b")}},
        ),
        ({"files": {"f": b"x"}}, {"multipart": {"f": upload(b"x", filename="upload")}}),
        ({"timeout": "2s"}, {"timeouts": Timeouts(connect="2s", total="2s")}),
        ({"timeout": Timeouts(first_byte="1s")}, {"timeouts": Timeouts(first_byte="1s")}),
        ({"follow_redirects": False}, {"max_redirects": 0}),
        ({"cookies": {"a": 1, "b": "{x}"}}, {"headers": {"Cookie": "a=1; b={x}"}}),
    ],
)
def test_httpx_words_and_older_words_mean_the_same(httpx: Any, older: Any) -> None:
    """A declaration in either spelling has the same plan."""
    assert step(post("/", **httpx)) == step(post("/", **older))


def test_a_parameter_without_a_value_is_left_out() -> None:
    """As httpx does: `None` is how a request says that it does not send one; all others are sent."""
    assert step(get("/", params={"a": None, "b": ""}))["query"] == [("b", "")]
    assert "max_redirects" not in step(get("/", follow_redirects=True))


def test_several_files_of_one_name(tmp_path: Path) -> None:
    """A list, and a tuple of files, become one part each; a path is read."""
    (tmp_path / "a.txt").write_text("x")
    files: Any = {"f": [tmp_path / "a.txt", b"y"], "g": (upload(b"z"), ("n", b"z"))}
    parts = step(post("/", files=files))["body"]["parts"]

    named = [(part["name"], part["filename"], part["base64"]) for part in parts]
    assert named == [("f", "a.txt", "eA=="), ("f", "upload", "eQ=="), ("g", "g", "eg=="), ("g", "n", "eg==")]


def test_a_secret_stands_wherever_a_text_may() -> None:
    """The plan holds its name only: as the value of a field of any kind, in a body, and within longer strings."""
    key = env("KEY")
    found = step(
        post(
            f"/a?b={key}",
            headers={"X-Key": key, "X-Other": f"Key {key}", "X-Both": [key, "x"]},
            query={"k": key},
            json={"a": [key, {"b": key}]},
        )
    )

    assert found["url"] == "/a?b={$env.KEY}"
    assert found["headers"] == [
        ("X-Key", "{$env.KEY}"),
        ("X-Other", "Key {$env.KEY}"),
        ("X-Both", "{$env.KEY}"),
        ("X-Both", "x"),
    ]
    assert found["query"] == [("k", "{$env.KEY}")]
    assert found["body"] == {"kind": "json", "text": '{"a":["{$env.KEY}",{"b":"{$env.KEY}"}]}'}
    assert step(post("/", text=key))["body"] == {"kind": "text", "text": "{$env.KEY}"}
    assert step(post("/", form={"k": key}))["body"] == {"kind": "form", "fields": [("k", "{$env.KEY}")]}
    part = step(post("/", multipart={"k": key}))["body"]
    assert part == {"kind": "multipart", "parts": [{"name": "k", "text": "{$env.KEY}"}]}


def test_a_file_is_called_what_it_is_called(tmp_path: Path) -> None:
    """Braces in the name of a file that was found are braces; those of a name that was written are variables."""
    (tmp_path / "a{1}.txt").write_text("x")
    found = step(post("/", multipart={"f": upload(tmp_path / "a{1}.txt"), "g": upload(b"x", filename="{name}.txt")}))

    assert [part["filename"] for part in found["body"]["parts"]] == ["a{{1}}.txt", "{name}.txt"]


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(("levels", "fits"), [(200, True), (201, False), (900, False), (100_000, False)])
def test_a_body_that_is_nested_too_deep_is_told_so(levels: int, fits: bool) -> None:
    """However deep it is: nothing runs out of stack on the way, neither when it is declared nor when it is shown."""
    found = problems(scenario(post("/", json=_nested(levels))))

    too_deep = "the JSON body cannot be written: it is nested more than 200 deep, or contains itself"
    assert found == ([] if fits else [too_deep])
    if fits:
        plan(scenario(post("/", json=_nested(levels)))).redacted()


def test_a_body_that_holds_itself_is_told_so() -> None:
    """It has no end."""
    value: list[Any] = []
    value.append(value)

    assert "contains itself" in problems(scenario(post("/", json=value)))[0]


@pytest.mark.parametrize(
    ("expect", "ranges"),
    [(201, [(201, 201)]), ("2xx", [(200, 299)]), (["2xx", 404], [(200, 299), (404, 404)])],
)
def test_expected_statuses(expect: Any, ranges: list[tuple[int, int]]) -> None:
    """A status, a class, or a list of such."""
    assert step(get("/", expect=expect))["expect"] == ranges


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (response.status == 404, {404}),
        (response.status != 404, {100, 399, 500, 999}),
        (response.status < 400, {100, 399}),
        (response.status <= 404, {100, 399, 404}),
        (response.status > 404, {500, 999}),
        (response.status >= 404, {404, 500, 999}),
        (response.status == "3xx", {399}),
        (response.status != "3xx", {100, 404, 500, 999}),
        (response.status.one_of("1xx", 500), {100, 500}),
    ],
)
def test_status_claims_are_ranges(claim: Any, holds: set[int]) -> None:
    """A claim about the status holds for exactly the statuses for which the comparison does."""
    ranges = step(get("/", checks=[claim]))["checks"][0]["claim"]["ranges"]
    assert {each for each in (100, 399, 404, 500, 999) for low, high in ranges if low <= each <= high} == holds


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        (response.status == "2xx", "status == 2xx"),
        (response.status.one_of(200, "3xx"), "status in 200, 3xx"),
        (response.json("$.id").exists(), "$.id exists"),
        (response.json("$.role") == "admin", '$.role == "admin"'),
        (response.json("$.n") != None, "$.n != null"),  # noqa: E711 - JSON's null
        (response.json("$.access_token") == "s3cret", "$.access_token == ***"),
        (response.header("ETag").exists(), "header ETag exists"),
        (response.header("Set-Cookie") == "id=s3cret", "header Set-Cookie == ***"),
        (response.contains("ok"), 'contains "ok"'),
        (response.regex(r"\d").exists(), r"matches /\d/"),
        (response.size < "10kB", "size < 10kB"),
        (response.service_time < "1s", "service time < 1s"),
        (check(response.status == 200, name="fine"), "fine"),
    ],
)
def test_checks_are_called_by_what_they_claim(claim: Any, name: str) -> None:
    """A check without a name says what it claims, and shows no secret."""
    assert step(get("/", checks=[claim]))["checks"][0]["name"] == name


def test_a_check_that_stops_says_so() -> None:
    """Only a check that ends the iteration carries the mark."""
    checks = step(get("/", checks=[response.status == 200, check(response.status == 200, stop=True)]))["checks"]
    assert [each.get("stop") for each in checks] == [None, True]


def test_authentication_of_a_request() -> None:
    """A request says nothing, or another way, or none."""
    token = bearer("t")
    steps = compiled(get("/"), get("/", auth=anonymous), get("/", auth=bearer("u")), auth=token)["steps"]
    shown = [(each.get("auth"), each.get("anonymous")) for each in steps]
    assert shown == [(None, None), (None, True), ("bearer 2", None)]


def test_equal_ways_to_authenticate_are_one() -> None:
    """Two scenarios with the same declaration share one entry, and with it their tokens."""
    plan = document(
        scenario(auth=bearer("t")), scenario(name="two", auth=bearer("t")), scenario(name="3", auth=bearer("u"))
    )
    assert [each["name"] for each in plan["auth"]] == ["bearer", "bearer 2"]
    assert [each["auth"] for each in plan["scenarios"]] == ["bearer", "bearer", "bearer 2"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (get("/", jsn={}), 'a request has no option "jsn", did you mean "json"?'),  # type: ignore[call-arg]
        (get(""), "the URL is '': it must be a non-empty string"),
        (get("/", name=""), "the name is '': it must be a non-empty string"),
        (get("/", query=[("a", "b")]), "query is a list: it must be a dictionary of names to values"),  # type: ignore[arg-type]
        (get("/", headers={"X": None}), 'headers: the value of "X" is None: it must be a string or a number'),  # type: ignore[dict-item]
        (post("/", json={}, text=""), "a request can have only one body: json and text were given"),
        (post("/", json={"a": {1}}), "the JSON body cannot be written: Object of type set is not JSON serializable"),
        (
            post("/", json=float("nan")),
            "the JSON body cannot be written: Out of range float values are not JSON compliant",
        ),
        (post("/", json={}, content_type="a/b"), "content_type needs content"),
        (post("/", text=b"x"), "text is a bytes: it must be a string; for bytes, use content"),  # type: ignore[arg-type]
        (post("/", content={}), "content is a dict: it must be a string or bytes; for an object, use json"),  # type: ignore[arg-type]
        (post("/", data="x"), "data is a str: it must be a dictionary of names to values"),  # type: ignore[arg-type]
        (post("/", data={}, content=""), "a request can have only one body: data and content were given"),
        (post("/", files={"f": "x"}), 'the file "f" is a str: it must be upload(…), a Path, bytes or a tuple'),  # type: ignore[dict-item]
        (post("/", files=[]), "files is a list: it must be a dictionary of names to files"),  # type: ignore[arg-type]
        (get("/", params={"a": 1}, query={"a": 1}), "params and query mean the same"),
        (get("/", cookies={"a": "1"}, headers={"cookie": "b=2"}), "cookies and a Cookie header mean the same"),
        (get("/", follow_redirects=0), "follow_redirects is 0: it must be True or False"),  # type: ignore[arg-type]
        (get("/", timeout="5"), 'the timeout: 5 has no unit: write "5s" or "5ms"'),
        (get("/", timeout=5), 'timeout is 5: it must be a duration such as "10s", or Timeouts(…)'),  # type: ignore[arg-type]
        (get("/", allow_redirects=False), 'no option "allow_redirects", did you mean "follow_redirects"?'),  # type: ignore[call-arg]
        (post("/", multipart={"a": b"x"}), 'the part "a" is a bytes: it must be a string or upload(…)'),  # type: ignore[dict-item]
        (get("/", expect=20), 'expect is 20: it must be a status such as 201 or a class such as "2xx"'),
        (get("/", expect="200"), "expect is '200': it must be a status such as 201 or a class such as \"2xx\""),  # type: ignore[arg-type]
        (get("/", checks=response.status == 200), "it must be a list"),  # type: ignore[arg-type]
        (get("/", checks=[response.json("$.x")]), "response.json('$.x') is not a check"),  # type: ignore[list-item]
        (get("/", checks=[variable("x") == 1]), "a claim about a variable is not a check"),
        (get("/", checks=[response.status < "2xx"]), "a status class like 2xx supports only == and !="),
        (get("/", checks=[response.size < 10]), 'the check size < 10: 10 has no unit: write "10B" or "10kB"'),
        (get("/", checks=[response.json("$.x") == LIST]), "it must be a string, a number, True, False or None"),
        (get("/", checks=[check(response.status == 200)]), "check() without name or stop adds nothing"),
        (get("/", extract={"x": response.status}), 'cannot extract into "x" from response.status'),  # type: ignore[dict-item]
        (
            get("/", extract={"x": response.json("")}),
            "the path of the extract into \"x\" is '': it must be a non-empty string",
        ),
        (get("/", auth="token"), "auth is a str: it must be a way to authenticate"),  # type: ignore[arg-type]
        (get("/", timeouts=Timeouts(total="5")), 'the total timeout: 5 has no unit: write "5s" or "5ms"'),
        (get("/", timeouts=Timeouts(total="0s")), "a total timeout must be longer than 0s"),
        (get("/", max_redirects=11), "max_redirects is 11: it must be a whole number from 0 to 10"),
        (think("3s", "1s"), "think goes from 3s down to 1s: write the shorter length first"),
        (think(), "think takes one length, two lengths, or a mean"),  # type: ignore[call-overload]
        (group("", [get("/")]), "the group's name is '': it must be a non-empty string"),
        (group("g", get("/")), "it must be a list of steps"),  # type: ignore[arg-type]
        (choice(), "a choice needs options"),
        (choice((0, [get("/")])), "the weight of an option is 0: it must be a whole number from 1 to 4,294,967,295"),
        (repeat(-1, [get("/")]), "the number of repetitions is -1"),
        (branch(response.status == 200, then=[]), "a branch needs a claim about a variable"),
        (branch("x", then=[]), "a branch needs a claim about a variable"),  # type: ignore[arg-type]
        ("/", "a str is not a step"),
    ],
)
def test_steps_that_cannot_be_compiled(declared: Any, message: str) -> None:
    """One sentence names the step and what is wrong with it."""
    (found,) = problems(scenario(declared))
    assert message in found


def test_nesting_has_an_end() -> None:
    """Steps that hold themselves are refused instead of followed for ever."""
    inner: Any = get("/")
    for _ in range(40):
        inner = group("g", [inner])
    assert problems(scenario(inner)) == ["steps are nested more than 32 deep"]
