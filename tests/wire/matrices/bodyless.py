"""Responses that have no body, whatever they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import Case, case, error

if TYPE_CHECKING:
    from collections.abc import Iterator


def bodyless() -> Iterator[Case]:
    """RFC 9112, 6.3, rule 1: HEAD, 204 and 304 have no body, whatever their head says."""
    framings = {
        "nothing": "",
        "zero": "Content-Length: 0\r\n",
        "length": "Content-Length: 5\r\n",
        "huge": "Content-Length: 4611686018427387904\r\n",
        "chunked": "Transfer-Encoding: chunked\r\n",
    }
    faults = {
        "bad-length": ("Content-Length: x\r\n", "proto_content_length"),
        "two-lengths": ("Content-Length: 1\r\nContent-Length: 2\r\n", "proto_content_length"),
        "bad-coding": ("Transfer-Encoding: gzip\r\n", "proto_transfer_encoding"),
        "both": ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "proto_framing_conflict"),
    }
    answers = [("HEAD", status) for status in (200, 204, 206, 304, 404, 500)] + [
        ("GET", 204),
        ("GET", 304),
        ("POST", 204),
    ]
    source = "RFC 9112 6.3; behaviour 20, 21"
    for request, status in answers:
        name = f"bodyless-{request.lower()}-{status}"
        line = f"HTTP/1.1 {status} X\r\n"
        for framing, lines in framings.items():
            without = {"outcome": "ok", "status": status, "body": "", "reusable": True}
            yield case(f"{name}-{framing}", source, f"{line}{lines}\r\n", without, request=request)
            with_body = without | {"reusable": False, "surplus": 5}
            yield case(f"{name}-{framing}-with-body", source, f"{line}{lines}\r\nhello", with_body, request=request)
        for fault, (lines, outcome) in faults.items():
            yield case(f"{name}-{fault}", source, f"{line}{lines}\r\n", error(outcome, status=status), request=request)
    for status in (200, 203, 205, 301, 400, 500):
        # These have a body, an empty one if the head says so.
        empty = {"outcome": "ok", "status": status, "body": "", "reusable": True}
        yield case(f"with-body-{status}-zero", source, f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n", empty)
        until_close = {"outcome": "ok", "status": status, "body": "", "reusable": False}
        yield case(f"with-body-{status}-nothing", source, f"HTTP/1.1 {status} X\r\n\r\n", until_close, then="fin")
