"""Forty behaviours of a server: twelve that are fine, twenty-eight that are not, and what a report must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Then = Literal["keep", "close", "reset", "hang"]


@dataclass(frozen=True)
class Behaviour:
    """What a server answers to each request, and what a client has to make of it."""

    name: str
    response: bytes
    then: Then = "keep"
    """What the server does after the response."""
    outcome: str = "ok"
    """What each request must be reported as."""
    status: int | None = 200
    """The status that must be reported; `None`: none was seen."""
    method: str = "GET"
    surplus: int = 0
    """Bytes that belong to no response."""
    interim: int = 0
    """Interim responses before the final one."""
    requests_per_connection: int | None = None
    """1 where a connection must not be used again."""

    @property
    def is_good(self) -> bool:
        """Whether a request that is answered so succeeded."""
        return self.outcome == "ok"


def _ok(rest: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + rest


def _chunked(rest: bytes) -> bytes:
    return _ok(b"Transfer-Encoding: chunked\r\n\r\n" + rest)


_HELLO = _ok(b"Content-Length: 5\r\n\r\nhello")
_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

GOOD = (
    Behaviour("length", _HELLO),
    Behaviour("chunked", _chunked(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")),
    Behaviour("chunked_with_trailers", _chunked(b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")),
    Behaviour("no_content", b"HTTP/1.1 204 No Content\r\n\r\n", status=204),
    Behaviour("not_modified_with_length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", status=304),
    Behaviour("head_with_length", _ok(b"Content-Length: 5\r\n\r\n"), method="HEAD"),
    Behaviour("early_hints", _HINTS + _HELLO, interim=1),
    Behaviour("continue_unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + _HELLO, interim=1),
    Behaviour("until_close", _ok(b"\r\nhello"), "close", requests_per_connection=1),
    Behaviour(
        "close_announced", _ok(b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"), requests_per_connection=1
    ),
    Behaviour("http_1_0", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"),
    Behaviour("surplus", _HELLO + b"HTTP/1.1 500 Stray\r\n\r\n", surplus=22, requests_per_connection=1),
)
"""What a client must count as a success, once."""


def _bad(name: str, outcome: str, response: bytes, then: Then = "keep", status: int | None = 200) -> Behaviour:
    return Behaviour(name, response, then, outcome, status, requests_per_connection=1)


BAD = (
    _bad("head_cut", "closed_in_headers", _ok(b"Content-Le"), "close"),
    _bad("head_reset", "reset_in_headers", _ok(b"Content-Le"), "reset"),
    _bad("body_short", "closed_in_body", _ok(b"Content-Length: 9\r\n\r\nhello"), "close"),
    _bad("body_reset", "reset_in_body", _ok(b"Content-Length: 9\r\n\r\nhello"), "reset"),
    _bad("nothing_closed", "closed_before_response", b"", "close", None),
    _bad("nothing_reset", "reset_before_response", b"", "reset", None),
    _bad("lengths_differ", "proto_content_length", _ok(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")),
    _bad("length_negative", "proto_content_length", _ok(b"Content-Length: -5\r\n\r\nhello")),
    _bad("length_no_number", "proto_content_length", _ok(b"Content-Length: five\r\n\r\nhello")),
    _bad(
        "length_and_chunked",
        "proto_framing_conflict",
        _ok(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ),
    _bad("coding_unknown", "proto_transfer_encoding", _ok(b"Transfer-Encoding: rot13\r\n\r\nhello"), "close"),
    _bad("chunk_size_no_number", "proto_chunk", _chunked(b"xyz\r\nhello\r\n0\r\n\r\n")),
    _bad("chunk_size_overflows", "proto_chunk", _chunked(b"FFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n")),
    _bad("chunk_too_long", "proto_chunk", _chunked(b"5\r\nhello!\r\n0\r\n\r\n")),
    _bad("chunk_cut", "closed_in_body", _chunked(b"5\r\nhel"), "close"),
    _bad("last_chunk_missing", "closed_in_body", _chunked(b"5\r\nhello\r\n"), "close"),
    _bad("chunk_reset", "reset_in_body", _chunked(b"5\r\nhel"), "reset"),
    _bad("status_no_number", "proto_status_line", b"HTTP/1.1 abc OK\r\nContent-Length: 5\r\n\r\nhello", status=None),
    _bad("version_2", "proto_version", b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", status=None),
    _bad("ssh", "proto_not_http", b"SSH-2.0-OpenSSH_9.2\r\n", status=None),
    _bad("binary", "proto_not_http", bytes(range(128, 192)), "close", None),
    _bad("space_before_colon", "proto_header", _ok(b"Content-Length : 5\r\n\r\nhello")),
    _bad("nul_in_header", "proto_header", _ok(b"X-A: a\0b\r\nContent-Length: 5\r\n\r\nhello")),
    _bad("header_flood", "proto_header_too_large", _ok(b"X-A: " + b"a" * 100_000 + b"\r\n\r\n")),
    _bad("interim_flood", "proto_too_many_1xx", _HINTS * 100, status=None),
    _bad("upgrade_unasked", "proto_unexpected_101", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", status=101),
    _bad("never_answers", "timeout_headers", b"", "hang", None),
    _bad("body_stalls", "timeout_body", _ok(b"Content-Length: 9\r\n\r\nhello"), "hang"),
)
"""What a client must count as an error, once, and of this class."""

BEHAVIOURS = GOOD + BAD
