"""What a report says of samples."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore.plan.traces import trace_of
from loadcore.report.exchange import exchange
from loadcore.report.glyphs import ASCII, UNICODE
from loadcore.report.layout import Page
from loadcore.report.samples import reason_of, reasons, section

PAGE = Page(60, UNICODE)
TRACEPARENT = "00-6b0b3cae2bf630077ff2cd26bcfba569-53ba8ddc3f77a1f0-01"


def sample(kind: str, what: str, reason: str, body: str = "", **response: Any) -> dict[str, Any]:
    """A sample of GET /items."""
    return {
        "scenario": "shop",
        "section": "main",
        "step": "GET /items",
        "kind": kind,
        "what": what,
        "reason": reason,
        "user": 0,
        "iteration": 0,
        "ended_ns": 1,
        "request": {"origin": "http://h", "line": "GET /items HTTP/1.1", "headers": [["Host", "h"]], "body_bytes": 0},
        "response": {
            "line": "HTTP/1.1 500 No",
            "status": 500,
            "headers": [],
            "body": body,
            "body_bytes": len(body),
            "cut": False,
            **response,
        },
    }


def error(status: int | None, outcome: str | None = None) -> dict[str, Any]:
    """An entry of the table of errors."""
    return {"step": "GET /items", "status": status, "outcome": outcome}


@pytest.mark.parametrize(
    ("found", "entry", "reason"),
    [
        (sample("status", "500", "expected 200, got 500", '{"why":\n "no"}'), error(500), '{"why": "no"}'),
        (sample("status", "500", "expected 200, got 500"), error(500), "expected 200, got 500"),
        (sample("outcome", "auth_failed", "no token: no"), error(None, "auth_failed"), "no token: no"),
        (sample("token", "access_token", "no access_token", "{}"), error(200), "no access_token"),
        (sample("status", "500", "x", "y"), error(503), None),
    ],
)  # fmt: skip
def test_why_an_error_happened(found: dict[str, Any], entry: dict[str, Any], reason: str | None) -> None:
    """What the target says, else what the engine says; nothing where there is no sample."""
    assert reason_of(entry, reasons({"samples": [found]})) == reason


def test_a_summary_without_samples_is_read() -> None:
    """One of an earlier version."""
    assert reasons({}) == {}
    assert section({}, PAGE) == []


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_nothing_of_a_target_reaches_a_terminal_as_it_is(glyphs: Any) -> None:
    """Escapes, in the head as in the body; and no line is longer than the page."""
    hostile = "\x1b[31m\x07\r\u202e" + "x" * 200
    made = sample("status", "500", hostile, hostile, line=hostile, headers=[[hostile, hostile]])
    made["request"]["line"] = hostile
    text = "\n".join(section({"samples": [made]}, Page(60, glyphs)))

    assert [character for character in text if not character.isprintable() and character != "\n"] == []
    assert max(map(len, text.splitlines())) <= 60


def test_what_there_is_of_a_body_is_said() -> None:
    """No body, one that continues, one that came compressed."""
    assert exchange(sample("status", "500", ""), PAGE, full=False)[-1].endswith("(no body)")
    long = exchange(sample("status", "500", "", "a", body_bytes=3000, cut=True), PAGE, full=False)
    assert [line.strip() for line in long[-2:]] == ["a", "(… the first part of 3.0 kB)"]
    coded = {"headers": [["content-encoding", "Identity"], ["Content-Encoding", "gzip, br"]], "body_bytes": 3000}

    def last(body: str = "", **response: Any) -> str:
        return exchange(sample("status", "500", "", body, **{**coded, **response}), PAGE, full=False)[-1].strip()

    assert last("a") == "(3.0 kB, compressed with gzip, br)"
    assert last("a", cut=True) == "(… the first part of 3.0 kB, compressed with gzip, br)"
    assert last() == "(a body of 3.0 kB, compressed with gzip, br)"
    assert last(body_bytes=0) == "(no body)"
    assert last(cut=True, unreadable="it cannot be read") == "(it cannot be read)"


def test_a_traced_request_shows_its_header() -> None:
    """In short as in full: it leads to what servers saw of the failure."""
    traced = sample("status", "500", "expected 200, got 500")
    traced["request"]["headers"] += [["Accept", "*/*"], ["traceparent", TRACEPARENT]]
    assert any(TRACEPARENT in line for line in exchange(traced, Page(120, UNICODE), full=False))
    assert not any("Accept" in line for line in exchange(traced, Page(120, UNICODE), full=False))


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([["TraceParent", f" {TRACEPARENT} "]], TRACEPARENT[3:35]),
        ([["traceparent", TRACEPARENT], ["traceparent", TRACEPARENT]], None),
        ([["traceparent", "no"]], None),
        ([["tracestate", TRACEPARENT]], None),
    ],
)
def test_which_trace_a_request_belongs_to(headers: list[list[str]], found: str | None) -> None:
    """As its header says, if it has one that W3C Trace Context allows."""
    assert trace_of(headers) == found
