"""What calls say beyond method and URL, as the engine takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import Timeouts, anonymous, api_key, basic, bearer, env, oauth2_client_credentials, upload
from loadcore.scripting.calls import call_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "content_type", "body"),
    [
        ({"json": {"a": "ü", "b": [1, None]}}, "application/json", '{"a":"ü","b":[1,null]}'),
        ({"data": {"a": "x y", "b": [1, True]}}, "application/x-www-form-urlencoded", "a=x+y&b=1&b=true"),
        ({"content": "ü"}, None, "ü"),
        ({"content": b"x", "headers": {"Content-Type": "a/b"}}, "a/b", "x"),
        ({"json": {}, "headers": {"content-type": "a/b"}}, "a/b", "{}"),
        ({}, None, None),
    ],
)
def test_bodies(options: Any, content_type: str | None, body: str | None) -> None:
    """Each kind of body has its bytes and says what it is, unless a header says so."""
    call = call_of("POST", options)
    assert {name.lower(): value for name, value in call.headers}.get("content-type") == content_type
    assert call.body == (None if body is None else body.encode())


def test_a_form_with_files(tmp_path: Path) -> None:
    """Fields come first; each file has its name and type."""
    (tmp_path / "a.txt").write_bytes(b"file")
    files: Any = {"f": [tmp_path / "a.txt", ("n", b"y", "a/b")], "g": upload(b"z", filename='q"')}
    call = call_of("POST", {"data": {"t": "x"}, "files": files})

    ((_, content_type),) = call.headers
    boundary = content_type.removeprefix("multipart/form-data; boundary=")
    assert call.body is not None
    parts = call.body.decode().split(f"--{boundary}")
    assert parts[-1] == "--\r\n"
    assert [part.strip("\r\n").replace("\r\n", "|") for part in parts[1:-1]] == [
        'Content-Disposition: form-data; name="t"||x',
        'Content-Disposition: form-data; name="f"; filename="a.txt"|Content-Type: application/octet-stream||file',
        'Content-Disposition: form-data; name="f"; filename="n"|Content-Type: a/b||y',
        'Content-Disposition: form-data; name="g"; filename="q%22"|Content-Type: application/octet-stream||z',
    ]


def test_everything_else() -> None:
    """Parameters, cookies, statuses, timeouts and redirects."""
    call = call_of(
        "GET",
        {
            "name": "page",
            "params": {"a": "x&y", "b": None, "c": [1, 2]},
            "headers": {"X": ["1", 2]},
            "cookies": {"a": 1, "b": "2"},
            "timeout": "2s",
            "expect": [200, "3xx"],
            "follow_redirects": False,
        },
    )
    assert (call.name, call.query) == ("page", "a=x%26y&c=1&c=2")
    assert call.headers == [("X", "1"), ("X", "2"), ("Cookie", "a=1; b=2")]
    assert call.timeouts == (2_000_000_000, None, 2_000_000_000)
    assert (call.expect, call.follows, call.is_anonymous) == (((200, 200), (300, 399)), False, False)
    timeouts = call_of("GET", {"timeout": Timeouts(first_byte="1s", total="3s")}).timeouts
    assert timeouts == (5_000_000_000, 1_000_000_000, 3_000_000_000)


def test_authentication_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in place of the scenario's; secrets are read from the environment."""
    monkeypatch.setenv("KEY", "k")

    def sent(auth: Any) -> Any:
        call = call_of("GET", {"auth": auth})
        assert call.is_anonymous
        return call.headers or call.query

    assert sent(anonymous) == ""
    assert sent(bearer(env("KEY"))) == [("Authorization", "Bearer k")]
    assert sent(basic("u", "p")) == [("Authorization", "Basic dTpw")]
    assert sent(api_key("k", header="X-Key")) == [("X-Key", "k")]
    assert sent(api_key("k", query="key")) == "key=k"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query": {}}, 'c.get() has no option "query": it is called params'),
        ({"form": {}}, 'c.get() has no option "form": it is called data'),
        ({"checks": []}, 'c.get() has no option "checks": write c.check(r.status == 200, "found") after it'),
        ({"extract": {}}, 'c.get() has no option "extract": write number = r.json("$.id") after it'),
        ({"jsn": {}}, 'c.get() has no option "jsn", did you mean "json"?'),
        ({"timeout": 5}, 'timeout is 5: it must be a duration such as "10s", or Timeouts(…)'),
        ({"timeout": "5"}, '5 has no unit: write "5s" or "5ms"'),
        ({"expect": 20}, 'expect is 20: it must be a status such as 201 or a class such as "2xx"'),
        ({"follow_redirects": 1}, "follow_redirects is 1: it must be True or False"),
        ({"json": {}, "data": {}}, "a request can have only one body: c.get() got json and data"),
        ({"content": {}}, "content is a dict: it must be a string or bytes; for an object, use json"),
        ({"params": [("a", 1)]}, "params is a list: it must be a dictionary of names to values"),
        ({"headers": {"X": None}}, 'headers: the value of "X" is None: it must be a string or a number'),
        ({"files": [("f", b"x")]}, "files is a list: it must be a dictionary of names to files"),
        ({"name": 7}, 'name is 7: it must be a string such as "GET /items/{id}"'),
        ({"files": {"f": "x"}}, 'the file "f" is a str: it must be upload(…), a Path, bytes or a tuple'),
        (
            {"auth": oauth2_client_credentials(token_url="/t", client_id="a", client_secret="b")},
            "auth of a call is bearer(…), basic(…), api_key(…) or anonymous; other ways belong to the scenario",
        ),
    ],
)
def test_calls_that_make_no_sense(options: Any, message: str) -> None:
    """One sentence says what is wrong and what to write."""
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call_of("GET", options)
