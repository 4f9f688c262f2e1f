"""What `bench` makes of its arguments."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.cli.one_request import (
    Target,
    body_of,
    credentials_of,
    guessed_type,
    load_of,
    request_of,
    scenario_of,
    target_of,
)
from loadcore.compiler import compile_plan
from loadcore.errors import UsageError
from loadcore.scenario.auth import basic
from loadcore.scenario.load_models import arrival_rate, iterations, users

if TYPE_CHECKING:
    from pathlib import Path

HERE = Target("http://h", "/")


def test_a_url_is_split_into_target_and_path() -> None:
    """Path and query are sent as they stand."""
    target = target_of("http://127.0.0.1:8080/a/b?x=1&y=%20")
    assert target == Target("http://127.0.0.1:8080", "/a/b?x=1&y=%20")
    request = request_of(target, None, [], None)
    assert (request.method, request.url, request.options["name"]) == ("GET", "/a/b?x=1&y=%20", "GET /a/b")
    assert target_of("http://127.0.0.1:8080").path == "/"


def test_a_url_may_hold_the_user() -> None:
    """User and password are decoded, and no part of the target; -a says the same."""
    target = target_of("http://ann:p%40ss:w@127.0.0.1:8080/x")
    assert target == Target("http://127.0.0.1:8080", "/x", ("ann", "p@ss:w"))
    assert credentials_of(None, target) == basic("ann", "p@ss:w")
    assert credentials_of("ann:{x}", HERE) == basic("ann", "{{x}}")
    assert credentials_of("key:", HERE) == basic("key", "")
    assert credentials_of(None, HERE) is None


@pytest.mark.parametrize(
    ("user", "url", "message"),
    [
        ("ann", "http://h/", "-a needs a user and a password"),
        (":secret", "http://h/", "-a needs a user and a password"),
        ("a:b", "http://c:d@h/", "-a and the URL both contain a user"),
    ],
)
def test_half_a_user_is_refused(user: str, url: str, message: str) -> None:
    """The message does not repeat what may be a password."""
    with pytest.raises(UsageError, match=message) as caught:
        credentials_of(user, target_of(url))
    assert "secret" not in str(caught.value)


def test_braces_are_no_variables() -> None:
    """A one-liner has no variables, so whatever looks like one is sent as it stands."""
    request = request_of(target_of("http://h/{id}"), None, ["X-A: {b}"], b"{c}")
    assert request.url == "/{{id}}"
    assert request.options["headers"] == {"X-A": ["{{b}}"]}
    assert request.options["content"] == b"{c}"


@pytest.mark.parametrize(
    ("header", "body", "given", "expected"),
    [
        ([], b'{"a": 1}', None, "application/json"),
        ([], b"\x00\xff", None, "application/octet-stream"),
        ([], b"a=1&b=2", None, "application/x-www-form-urlencoded"),
        ([], "grüße".encode(), None, "text/plain; charset=utf-8"),
        ([], b"{}", "application/merge-patch+json", "application/merge-patch+json"),
        (["content-type: text/plain"], b"[]", None, None),
    ],
)
def test_a_body_makes_it_a_post_with_a_content_type(
    header: list[str], body: bytes, given: str | None, expected: str | None
) -> None:
    """The type is guessed from the body; -T wins over the guess, and a header of the user's too."""
    request = request_of(HERE, None, header, body, given)
    assert request.method == "POST"
    assert request.options.get("content_type") == expected


def test_a_content_type_is_given_once() -> None:
    """By -T or by -H; without a body it is a header."""
    with pytest.raises(UsageError, match="-T and -H both set a Content-Type"):
        request_of(HERE, None, ["Content-Type: a/b"], b"x", "c/d")
    assert request_of(HERE, None, [], None, "c/d").options["headers"] == {"Content-Type": ["c/d"]}


def test_text_with_a_nul_is_no_text() -> None:
    """What cannot be shown is not called text."""
    assert guessed_type(b"a\x00b") == "application/octet-stream"


def test_a_header_may_come_twice() -> None:
    """Two lines of one name are both sent."""
    request = request_of(HERE, "put", ["A: 1", "A: 2"], None)
    assert request.options["headers"] == {"A": ["1", "2"]}
    assert request.method == "PUT"


def test_the_letters_make_a_load() -> None:
    """-c with -z, -n with -c and -z, --rate with -z and -n."""
    assert load_of(None, None, None, None) == users(50, duration="10s")
    assert load_of(None, None, None, "3s") == users(50, duration="3s")
    assert load_of(8, None, 100, None) == iterations(total=100, users=8)
    assert load_of(None, None, 3, None) == iterations(total=3, users=3)
    assert load_of(8, None, 100, "5s") == iterations(total=100, users=8, max_duration="5s")
    assert load_of(9, "100/s", None, "10s") == arrival_rate("100/s", duration="10s", max_users=9)
    assert load_of(None, "100/s", None, None) == arrival_rate("100/s", duration="10s")


@pytest.mark.parametrize(
    ("rate", "number", "duration", "lasts"),
    [
        ("100/s", 5, None, "50ms"),
        ("100/s", 5, "10s", "50ms"),
        ("100/s", 500, "2s", "2s"),
        ("3/s", 1, None, "333ms333us333ns"),
    ],
)
def test_a_rate_with_a_number_ends_when_either_is_reached(
    rate: str, number: int, duration: str | None, lasts: str
) -> None:
    """Long enough that exactly this number of requests is due, and no longer than -z."""
    assert load_of(None, rate, number, duration) == arrival_rate(rate, duration=lasts)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "localhost", "ftp://h/", "http://", "/path", "ws://h/"])
def test_what_is_not_an_http_url_is_refused(url: str) -> None:
    """The hint says what to write instead."""
    with pytest.raises(UsageError, match="is not a URL to request") as caught:
        target_of(url)
    assert "http://" in str(caught.value.hint)


def test_a_scenario_file_is_for_run(tmp_path: Path) -> None:
    """A file in the place of the URL is named with the command that runs it."""
    (tmp_path / "shop.py").write_text("")
    with pytest.raises(UsageError) as caught:
        target_of(str(tmp_path / "shop.py"))
    assert str(caught.value.hint).endswith(f"loadcore run {tmp_path / 'shop.py'}")


def test_messages_about_a_url_keep_its_secrets() -> None:
    """Neither password nor query is repeated."""
    with pytest.raises(UsageError) as caught:
        target_of("htp://ann:canary1@h/?token=canary2")
    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_a_body_comes_from_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, a file by either option, standard input, or nothing."""
    file = tmp_path / "body.bin"
    file.write_bytes(b"\x00")
    assert body_of("a", None) == b"a"
    assert body_of(None, file) == b"\x00"
    assert body_of(f"@{file}", None) == b"\x00"
    assert body_of(None, None) is None
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert body_of("@-", None) == b"piped"
    with pytest.raises(UsageError, match="--data and -D exclude each other"):
        body_of("a", file)


@pytest.mark.parametrize("data", ["@missing.json", "@", "@/"])
def test_a_body_file_that_cannot_be_read_is_refused(data: str) -> None:
    """With the way to send text that begins with an @."""
    with pytest.raises(UsageError, match="cannot read the body from") as caught:
        body_of(data, None)
    assert "--data @-" in str(caught.value.hint)


def test_the_flags_reach_the_plan() -> None:
    """Timeout, certificate checks, keep-alive and user are settings of the run; cookies are off."""
    scenario = scenario_of(
        Target("https://h", "/"),
        request_of(HERE, None, [], None),
        users(1, duration="1s"),
        auth=basic("ann", "secret"),
        timeout="3s",
        insecure=True,
        keep_alive=False,
    )
    document = compile_plan([scenario]).document
    assert document["http"]["timeouts"]["total_ns"] == 3_000_000_000
    assert document["http"]["tls"]["insecure"] is True
    assert document["http"]["reuse"] == "request"
    assert document["http"]["cookies"] is False
    assert len(document["auth"]) == 1


@pytest.mark.parametrize("url", ["http://[::1/", "http://[zz]/"])
def test_an_address_in_brackets_that_is_none_is_refused(url: str) -> None:
    """It is a bad argument, not a bug."""
    with pytest.raises(UsageError, match="is not a URL to request"):
        target_of(url)
