"""Odd bytes in a chunked body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, error, unframed
from tests.wire.matrices.odd_bytes import BLANKS, ODD_BYTES, inserted

if TYPE_CHECKING:
    from collections.abc import Iterator


def odd_bytes_in_chunks() -> Iterator[Case]:
    """RFC 9112, 7.1: one odd byte at each place of a chunked body."""
    parts = [
        ("", STATUS_LINE + "Transfer-Encoding: chunked\r\n\r\n"),
        ("before-size", "5"),
        ("after-size", "\r"),
        ("before-size-lf", "\n"),
        ("before-data", "he"),
        ("in-data", "llo"),
        ("after-data", "\r"),
        ("before-data-lf", "\n"),
        ("before-last", "0"),
        ("after-last", "\r"),
        ("before-last-lf", "\n"),
        ("before-end", "\r"),
        ("before-end-lf", "\n"),
    ]
    fine = OK | {"body": "hello"}

    def chunk(_: str, body: str = "") -> Case:
        return error("proto_chunk", body=body)

    def after_size(byte: str) -> Case:
        if byte == "zero":
            return unframed("hello\r\n0\r\n\r\n")
        return fine if byte in BLANKS | {"semicolon"} else chunk(byte)

    def after_last(byte: str) -> Case:
        return fine if byte in BLANKS | {"semicolon", "zero"} else chunk(byte, "hello")

    def before_end_lf(byte: str) -> Case:
        return fine | {"reusable": False, "surplus": 1} if byte == "lf" else error("proto_trailer", body="hello")

    expect = {
        "before-size": lambda byte: fine if byte == "zero" else chunk(byte),
        "after-size": after_size,
        "before-size-lf": lambda byte: chunk(byte, "\nhell") if byte == "lf" else chunk(byte),
        "before-data": lambda byte: chunk(byte, ODD_BYTES[byte] + "hell"),
        "in-data": lambda byte: chunk(byte, "he" + ODD_BYTES[byte] + "ll"),
        "after-data": lambda byte: chunk(byte, "hello"),
        "before-data-lf": lambda byte: chunk(byte, "hello"),
        "before-last": lambda byte: fine if byte == "zero" else chunk(byte, "hello"),
        "after-last": after_last,
        "before-last-lf": lambda byte: error("proto_trailer", body="hello") if byte == "lf" else chunk(byte, "hello"),
        "before-end": lambda _: error("proto_trailer", body="hello"),
        "before-end-lf": before_end_lf,
    }
    yield from inserted("odd-chunk", "RFC 9112 7.1", parts, expect)
