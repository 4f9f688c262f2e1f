"""What users read of a response."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.scripting.duration import Duration
from loadcore.scripting.failures import NoResponse, NotJson, UnexpectedStatus, ValueMissing
from tests.unit.scripting.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Callable


def answer(status: Any = 200, headers: dict[str, str] | None = None, body: Any = b"") -> Answer:
    """A response."""

    async def made() -> Answer:
        return Answer("GET /x", "http://h/x", status if isinstance(status, str) else (status, headers or {}, body))

    return asyncio.run(made())


def test_a_response() -> None:
    """All that arrived can be read, in httpx's words."""
    r = answer(201, {"ETag": "e", "Content-Type": "text/plain; charset=latin-1", "Set-Cookie": "a=1; Path=/"}, b"\xfc")
    assert (r.status, r.error, r.ok, r.size, r.url) == (201, None, True, 1, "http://h/x")
    assert (r.content, r.text, r.cookies) == (b"\xfc", "ü", {"a": "1"})
    assert (r.headers["etag"], "ETAG" in r.headers, r.headers.get("x"), next(iter(r.headers))) == (
        "e",
        True,
        None,
        "ETag",
    )
    assert r.service_time == r.elapsed == "12.3ms"
    assert r.response_time > "14ms"
    assert repr(r) == "<201 GET /x 12.3 ms 1 B>"
    assert r.raise_for_error() is r


def test_what_is_read_is_kept() -> None:
    """Nothing is decoded twice."""
    r = answer(body={"a": 1})
    assert r.json() is r.json()
    assert r.headers is r.headers
    assert r.content is r.content


def test_a_fault_is_a_value() -> None:
    """Until something is read that never arrived: then the iteration ends quietly."""
    r = answer("connect_refused")
    assert (r.status, r.error, r.ok, repr(r)) == (0, "connect_refused", False, "<connect_refused GET /x>")
    for read in ("headers", "content", "text", "cookies", "size", "service_time", "retry_after"):
        with pytest.raises(NoResponse, match=r"^GET /x: no response: connect_refused$") as caught:
            getattr(r, read)
        assert caught.value.error == "connect_refused"
    calls: tuple[Callable[[], object], ...] = (r.json, r.raise_for_error, lambda: r.json("$.a", default=1))
    for call in calls:
        with pytest.raises(NoResponse):
            call()


def test_json() -> None:
    """The body, or what is at a path; `null` counts as missing."""
    r = answer(body={"a": {"b": [1]}, "n": None})
    assert r.json() == {"a": {"b": [1]}, "n": None}
    assert (r.json("$.a.b"), r.json("$.n", default="x"), r.json("$.c", default=None)) == ([1], "x", None)
    with pytest.raises(ValueMissing) as caught:
        r.json("$.c")
    assert str(caught.value) == "GET /x: nothing is at $.c of the response"
    assert isinstance(caught.value, KeyError)


def test_a_body_that_is_not_json() -> None:
    """The message says what it was instead."""
    r = answer(503, {"Content-Type": "text/html"}, b"<html>")
    reads: tuple[Callable[[], object], ...] = (r.json, lambda: r.json("$.a"))
    for read in reads:
        with pytest.raises(NotJson) as caught:
            read()
        assert str(caught.value) == "GET /x: the body of the response is not JSON (503, text/html)"


def test_a_body_that_cannot_be_decompressed_names_its_coding() -> None:
    """Its bytes are none, which alone would say little."""
    r = answer(200, {"Content-Type": "application/json", "Content-Encoding": "snappy"})
    with pytest.raises(NotJson, match=r"not JSON \(200, application/json, empty or not in the coding .*: snappy\)$"):
        r.json()


def test_an_unexpected_status_and_a_missing_header() -> None:
    """Both end the iteration as failed."""
    with pytest.raises(UnexpectedStatus, match="GET /x: the status is 503"):
        answer(503).raise_for_error()
    with pytest.raises(ValueMissing, match="the response has no header ETag"):
        answer().headers["ETag"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("status_code", 'a response has no "status_code", did you mean "status"?'),
        ("raise_for_status", 'a response has no "raise_for_status", did you mean "raise_for_error"?'),
    ],
)
def test_words_of_other_clients(name: str, message: str) -> None:
    """An attribute of httpx's or requests' says what it is called here."""
    with pytest.raises(AttributeError) as caught:
        getattr(answer(), name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("said", "time"),
    [("2", "2s"), ("0", "0s"), ("Thu, 01 Jan 1970 00:00:00 GMT", "0s"), ("soon", None), ("", None)],
)
def test_retry_after(said: str, time: str | None) -> None:
    """Seconds or a date, never below zero; what is neither is nothing."""
    found = answer(429, {"Retry-After": said} if said else {}).retry_after
    assert found == time if time else found is None


def test_durations_compare_with_strings() -> None:
    """They are exact, and as timedelta as any."""
    d = Duration(1_500_000_001)
    assert d > "1.5s"
    assert d <= "1500000001ns"
    assert d < timedelta(seconds=2)
    assert d + timedelta(seconds=1) == timedelta(seconds=2.5)
    assert (d.ns, str(d), repr(Duration(12)), pickle.loads(pickle.dumps(d)).ns) == (
        1_500_000_001,
        "1.5 s",
        "<12 ns>",
        d.ns,
    )
    with pytest.raises(TypeError) as caught:
        assert d < 0.5  # type: ignore[operator]
    assert str(caught.value) == 'a duration compares with a string such as "500ms", not with 0.5'
    with pytest.raises(ValueError, match="500 has no unit"):
        assert d < "500"
