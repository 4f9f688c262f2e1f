"""What `bench` makes of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.cli.bench import body_of, build_load, build_request, build_scenario, origin_of
from loadcore.compiler import compile  # noqa: A004 - read as the compiler's
from loadcore.errors import UsageError
from loadcore.load import arrival_rate, iterations, users

if TYPE_CHECKING:
    from pathlib import Path


def test_a_url_is_split_into_target_and_path() -> None:
    """Path and query are sent as they stand."""
    request = build_request("http://127.0.0.1:8080/a/b?x=1&y=%20", None, [], None)
    assert origin_of("http://127.0.0.1:8080/a/b?x=1") == "http://127.0.0.1:8080"
    assert (request.method, request.url, request.options["name"]) == ("GET", "/a/b?x=1&y=%20", "GET /a/b")
    assert build_request("http://127.0.0.1:8080", None, [], None).url == "/"


def test_braces_are_no_variables() -> None:
    """A one-liner has no variables, so whatever looks like one is sent as it stands."""
    request = build_request("http://h/{id}", None, ["X-A: {b}"], b"{c}")
    assert request.url == "/{{id}}"
    assert request.options["headers"] == {"X-A": ["{{b}}"]}
    assert request.options["content"] == b"{c}"


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ([], b'{"a": 1}', "application/json"),
        ([], b"\x00\xff", "application/octet-stream"),
        (["content-type: text/plain"], b"[]", None),
    ],
)
def test_a_body_makes_it_a_post_with_a_content_type(header: list[str], body: bytes, expected: str | None) -> None:
    """JSON is called JSON, and a header of the user's wins."""
    request = build_request("http://h/", None, header, body)
    assert request.method == "POST"
    assert request.options.get("content_type") == expected


def test_a_header_may_come_twice() -> None:
    """Two lines of one name are both sent."""
    request = build_request("http://h/", "put", ["A: 1", "A: 2"], None)
    assert request.options["headers"] == {"A": ["1", "2"]}
    assert request.method == "PUT"


def test_the_letters_make_a_load() -> None:
    """-c with -z, -n with -c, -q with -z."""
    assert build_load(None, None, None, "10s") == users(50, duration="10s")
    assert build_load(8, None, 100, "10s") == iterations(total=100, users=8)
    assert build_load(None, None, 3, "10s") == iterations(total=3, users=3)
    assert build_load(9, "100/s", None, "10s") == arrival_rate("100/s", duration="10s", max_users=9)
    with pytest.raises(UsageError, match="-q and -n exclude each other"):
        build_load(None, "100/s", 5, "10s")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "localhost", "ftp://h/", "http://", "/path"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    """The hint says what to write in front."""
    with pytest.raises(UsageError, match="is no URL to request") as caught:
        origin_of(url)
    assert "http://" in str(caught.value.hint)


def test_a_body_comes_from_one_place(tmp_path: Path) -> None:
    """Text, a file, or nothing; not both."""
    file = tmp_path / "body.bin"
    file.write_bytes(b"\x00")
    assert body_of("a", None) == b"a"
    assert body_of(None, file) == b"\x00"
    assert body_of(None, None) is None
    with pytest.raises(UsageError, match="-d and -D exclude each other"):
        body_of("a", file)


def test_the_flags_reach_the_plan() -> None:
    """Time-out, certificate checks and keep-alive are settings of the run."""
    request = build_request("https://h/", None, [], None)
    scenario = build_scenario(
        "https://h/", request, users(1, duration="1s"), timeout="3s", insecure=True, keep_alive=False
    )
    http = compile([scenario]).document["http"]
    assert http["timeouts"]["total_ns"] == 3_000_000_000
    assert http["tls"]["insecure"] is True
    assert http["reuse"] == "request"
