"""Odd bytes in the head of a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, error, unframed
from tests.wire.matrices.odd_bytes import BLANKS, CONTROLS, NAME_BYTES, inserted

if TYPE_CHECKING:
    from collections.abc import Iterator


def odd_bytes_in_status_line() -> Iterator[Case]:
    """RFC 9112, 4: one odd byte at each place of a status line."""
    rest = "Content-Length: 2\r\n\r\nok"
    parts = [
        ("before-name", "HT"),
        ("in-name", "TP"),
        ("before-slash", "/"),
        ("before-major", "1"),
        ("before-point", "."),
        ("before-minor", "1"),
        ("after-version", " "),
        ("before-code", "20"),
        ("in-code", "0"),
        ("after-code", " "),
        ("before-reason", "O"),
        ("in-reason", "K"),
        ("after-reason", "\r"),
        ("before-lf", "\n"),
        ("", rest),
    ]

    def not_http(_: str) -> Case:
        return error("proto_not_http", status=None)

    def version(_: str) -> Case:
        return error("proto_version", status=None)

    def malformed(_: str) -> Case:
        return error("proto_status_line", status=None)

    def after_version(byte: str) -> Case:
        return malformed(byte) if byte in {"sp", "lf"} else version(byte)

    def after_code(byte: str) -> Case:
        if byte == "sp":
            return OK
        # With LF, " OK" becomes a first header line that begins with a space.
        return error("proto_header") if byte == "lf" else malformed(byte)

    def reason(byte: str) -> Case:
        # With LF, the rest of the reason becomes a header line without a colon.
        return error("proto_header") if byte == "lf" else malformed(byte) if byte in CONTROLS else OK

    def after_reason(byte: str) -> Case:
        # With LF, the CRLF that follows is the empty line.
        return unframed(rest) if byte == "lf" else reason(byte)

    def before_lf(byte: str) -> Case:
        return unframed(rest) if byte == "lf" else malformed(byte)

    expect = {
        "before-name": not_http,
        "in-name": not_http,
        "before-slash": not_http,
        "before-major": version,
        "before-point": version,
        "before-minor": version,
        "after-version": after_version,
        "before-code": malformed,
        "in-code": malformed,
        "after-code": after_code,
        "before-reason": reason,
        "in-reason": reason,
        "after-reason": after_reason,
        "before-lf": before_lf,
    }
    yield from inserted("odd-status", "RFC 9112 4", parts, expect)


def odd_bytes_in_header_line() -> Iterator[Case]:
    """RFC 9112, 5: one odd byte at each place of an ordinary header line."""
    rest = "Content-Length: 2\r\n\r\nok"
    parts = [
        ("", STATUS_LINE + "Server: a\r\n"),
        ("before-name", "X-"),
        ("in-name", "Test"),
        ("after-name", ":"),
        ("after-colon", " "),
        ("before-value", "va"),
        ("in-value", "lue"),
        ("after-value", "\r"),
        ("before-lf", "\n"),
        ("", rest),
    ]

    def bad(_: str) -> Case:
        return error("proto_header")

    def before_name(byte: str) -> Case:
        if byte == "lf":
            return unframed("X-Test: value\r\n" + rest)
        # A blank makes it a fold of the line before.
        return OK if byte in BLANKS | NAME_BYTES else bad(byte)

    def name(byte: str) -> Case:
        return OK if byte in NAME_BYTES | {"colon"} else bad(byte)

    def after_colon(byte: str) -> Case:
        # With LF, the value is folded.
        return bad(byte) if byte in CONTROLS else OK

    def value(byte: str) -> Case:
        return bad(byte) if byte in CONTROLS | {"lf"} else OK

    def after_value(byte: str) -> Case:
        return unframed(rest) if byte == "lf" else value(byte)

    def before_lf(byte: str) -> Case:
        return unframed(rest) if byte == "lf" else bad(byte)

    expect = {
        "before-name": before_name,
        "in-name": name,
        "after-name": name,
        "after-colon": after_colon,
        "before-value": value,
        "in-value": value,
        "after-value": after_value,
        "before-lf": before_lf,
    }
    yield from inserted("odd-header", "RFC 9112 5; RFC 9110 5.5", parts, expect)


# The head ends one line early, so the empty line is the body and the body is surplus.
EMPTY_LINE_EARLY = {"outcome": "ok", "status": 200, "body": "\r\n", "reusable": False, "surplus": 2}


def _length_bad(_: str) -> Case:
    return error("proto_header")


def _length_before_name(byte: str) -> Case:
    if byte == "lf":
        return unframed("Content-Length: 2\r\n\r\nok")
    # Folded into the line before, or another name: nothing frames the body.
    return unframed("ok") if byte in BLANKS | NAME_BYTES else _length_bad(byte)


def _length_name(byte: str) -> Case:
    return unframed("ok") if byte in NAME_BYTES | {"colon"} else _length_bad(byte)


def _length_after_name(byte: str) -> Case:
    return error("proto_content_length") if byte == "colon" else _length_name(byte)


def _length_after_colon(byte: str) -> Case:
    if byte in CONTROLS:
        return _length_bad(byte)
    return OK if byte in BLANKS else error("proto_content_length")


def _length_before_number(byte: str) -> Case:
    return OK if byte == "zero" else _length_after_colon(byte)


def _length_after_number(byte: str) -> Case:
    if byte == "zero":
        return unframed("ok")
    return EMPTY_LINE_EARLY if byte == "lf" else _length_after_colon(byte)


def _length_before_lf(byte: str) -> Case:
    return EMPTY_LINE_EARLY if byte == "lf" else _length_bad(byte)


def odd_bytes_in_content_length() -> Iterator[Case]:
    """RFC 9112, 6.3: one odd byte at each place of the line that frames the body."""
    parts = [
        ("", STATUS_LINE + "Server: a\r\n"),
        ("before-name", "Content-"),
        ("in-name", "Length"),
        ("after-name", ":"),
        ("after-colon", " "),
        ("before-number", "2"),
        ("after-number", "\r"),
        ("before-lf", "\n"),
        ("", "\r\nok"),
    ]

    expect = {
        "before-name": _length_before_name,
        "in-name": _length_name,
        "after-name": _length_after_name,
        "after-colon": _length_after_colon,
        "before-number": _length_before_number,
        "after-number": _length_after_number,
        "before-lf": _length_before_lf,
    }
    yield from inserted("odd-length", "RFC 9112 6.3", parts, expect)
