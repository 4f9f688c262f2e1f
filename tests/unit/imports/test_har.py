"""HTTP archives become scenarios."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.imports.documents import ImportFailed
from loadcore.imports.kinds import Kind, import_text
from tests.unit.imports.imported import imported

if TYPE_CHECKING:
    from pathlib import Path


def entry(
    method: str,
    url: str,
    *,
    at: float = 0,
    status: int = 200,
    headers: dict[str, str] | None = None,
    body: object = None,
    answer: object = None,
    kind: str = "application/json",
    location: str = "",
) -> dict[str, Any]:
    """One exchange, as browsers write it."""
    request: dict[str, Any] = {"method": method, "url": url, "headers": _pairs(headers or {})}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
        request["headers"] += _pairs({"content-type": "application/json"})
    text = answer if isinstance(answer, str) else json.dumps(answer)
    content = {"mimeType": kind, "text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
    response = {"status": status, "headers": _pairs({"Location": location} if location else {}), "content": content}
    started = f"2026-11-28T10:00:{at:06.3f}Z"
    return {"startedDateTime": started, "time": 100, "request": request, "response": response}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def har(*entries: dict[str, Any]) -> dict[str, Any]:
    """An archive of these."""
    return {"log": {"version": "1.2", "entries": list(entries)}}


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
BEARER = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "Mozilla/5.0", "Cookie": "sid=abcdef"}
SHOP = har(
    entry("GET", "https://shop.example.com/", kind="text/html", answer="<html>", at=0),
    entry("GET", "https://shop.example.com/app.js", kind="text/javascript", answer="x", at=0.1),
    entry("GET", "https://stats.tracker.com/hit", answer={}, at=0.2),
    entry("POST", "https://api.example.com/login", body={"user": "joe", "password": "hunter22"}, at=1,
          answer={"data": {"accessToken": TOKEN}}),
    entry("OPTIONS", "https://api.example.com/orders", headers={"Access-Control-Request-Method": "POST"}, at=1.2),
    entry("POST", "https://api.example.com/orders", headers=BEARER, body={"item": 7, "note": "{x}"}, at=3,
          status=201, answer={"id": 4711, "lines": [{"line-id": "a1b2c3d4e5f6"}]}),
    entry("GET", "https://api.example.com/orders/4711?expand=all", headers=BEARER, answer={"id": 4711}, at=3.2),
    entry("POST", "https://api.example.com/pay", headers=BEARER, body={"orderId": 4711, "line": "a1b2c3d4e5f6"}, at=3.4,
          status=302, location="https://api.example.com/receipts/9", answer={}),
    entry("GET", "https://api.example.com/receipts/9", headers=BEARER, answer={}, at=3.6),
    entry("GET", "https://api.example.com/users/12/missing", headers=BEARER, status=404, answer={}, at=3.8),
)  # fmt: skip


def test_a_recording_as_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login is declared, ids come from responses, redirects are folded, and only the site's own requests stay."""
    result = imported(Kind.HAR, SHOP, tmp_path, monkeypatch, think=True)
    assert result.source.endswith(
        """\
# left out: static assets (1)
# left out: CORS preflights (1)
# left out: requests to other sites (stats.tracker.com) (1)
# left out: requests that follow a redirect, which the engine makes itself (1)
shop = Scenario(
    "shop",
    base_url="https://api.example.com",
    load=users(1, duration="30s"),
    auth=login(
        post("/login", json={"user": "joe", "password": env("PASSWORD")}),
        token=response.json("$.data.accessToken"),
    ),
    steps=[
        get("https://shop.example.com/", auth=anonymous),
        think("900ms"),
        post(
            "/orders",
            json={"item": 7, "note": "{{x}}"},
            extract={
                "order_id": response.json("$.id"),
                "line_id": response.json("$.lines[0]['line-id']"),
            },
        ),
        get("/orders/{order_id}", params={"expand": "all"}),
        post("/pay", json={"orderId": "{order_id:json}", "line": "{line_id}"}),
        # was answered with 404 when it was recorded
        get("/users/12/missing", name="GET /users/{id}/missing", expect=404),
    ],
)
"""
    )
    assert TOKEN not in result.source
    assert "hunter22" not in result.source


def test_without_think_there_is_no_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are only taken over on request."""
    assert "think" not in imported(Kind.HAR, SHOP, tmp_path, monkeypatch).source


def test_oauth2_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password grant is declared as one."""
    grant = entry("POST", "http://h/token", answer={"access_token": "t0ken-of-joe", "expires_in": 60})
    grant["request"]["postData"] = {
        "mimeType": "application/x-www-form-urlencoded",
        "params": [
            {"name": "grant_type", "value": "password"},
            {"name": "username", "value": "joe"},
            {"name": "password", "value": "hunter22"},
        ],
    }
    used = entry("GET", "http://h/me", headers={"Authorization": "Bearer t0ken-of-joe"}, answer={})
    result = imported(Kind.HAR, har(grant, used), tmp_path, monkeypatch)
    assert "oauth2_password(" in result.source
    assert 'password=env("PASSWORD")' in result.source
    assert 'steps=[get("/me")]' in result.source


def test_a_login_that_brings_more_than_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login stays a step as well, where later requests need other values of its response."""
    login = entry("POST", "http://h/login", body={"pin": "1234567"}, answer={"token": TOKEN, "userId": "a1b2c3d4e5f6"})
    used = entry("GET", "http://h/users/a1b2c3d4e5f6", headers=BEARER, answer={})
    source = imported(Kind.HAR, har(login, used), tmp_path, monkeypatch).source
    assert "auth=login(" in source
    assert 'extract={"user_id": response.json("$.userId")}' in source
    assert 'get("/users/{user_id}")' in source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"log": {"entries"', "shop.har:1:19: this is not JSON"),
        ("[]", "the top of the file is not an object"),
        ("{}", "no log.entries"),
        (json.dumps(har()), "it has no entries"),
        (json.dumps(har(entry("GET", "ws://h/x"), {"request": 3}, {})), "entries that are not requests of HTTP"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_bad_input(text: str, message: str) -> None:
    """The error says what is wrong and where, whatever the file holds."""
    with pytest.raises(ImportFailed, match=message) as raised:
        import_text(Kind.HAR, text, "shop.har")
    assert raised.value.hint


def test_a_parameter_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query such as `?=1` is left out with a comment; the rest of the request stays."""
    result = imported(Kind.HAR, har(entry("GET", "http://h/a?=1&b=2", answer={})), tmp_path, monkeypatch)
    assert 'get("/a", params={"b": "2"})' in result.source
    assert "# left out: a query parameter without a name" in result.source


def test_requests_that_a_tool_wrote_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that has no response at all is a request to make; one whose response never came is left out."""
    written = {"request": {"method": "POST", "url": "http://h/a", "headers": [], "postData": {"text": "x=1"}}}
    aborted = entry("GET", "http://h/b", status=0)
    result = imported(Kind.HAR, har(written, aborted), tmp_path, monkeypatch)
    assert 'post("/a", content="x=1")' in result.source
    assert '"/b"' not in result.source


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/vnd.api+json"])
def test_json_of_another_type(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is data whatever its type is called: it can be read, and takes ids from earlier responses."""
    made = entry("POST", "http://h/orders", answer={"orderId": "a1b2c3d4e5f6"})
    sent = entry("POST", "http://h/track", headers={"Content-Type": kind})
    sent["request"]["postData"] = {"mimeType": kind, "text": '{"orderId":"a1b2c3d4e5f6"}'}
    result = imported(Kind.HAR, har(made, sent), tmp_path, monkeypatch)
    assert 'json={"orderId": "{order_id}"}' in result.source
    assert f'headers={{"Content-Type": "{kind}"}}' in result.source
