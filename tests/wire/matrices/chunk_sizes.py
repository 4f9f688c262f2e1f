"""Every form of a chunk size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, case, error

if TYPE_CHECKING:
    from collections.abc import Iterator


def chunk_size_forms() -> Iterator[Case]:
    """RFC 9112, 7.1: what may stand for the size 10, and what may not."""
    good = [
        "a",
        "A",
        "0a",
        "0A",
        "0000000000000000000a",
        "a;",
        "a;b",
        "a;b=c",
        'a;b="c d"',
        "a;b=c;d=e",
        "a ;b",
        "a\t;\tb = c",
        "a; b",
        "a ",
        "a\t",
        "a  \t ",
        "a;\xe4",
        "a;b=;",
        "a;;",
        'a;"',
    ]
    bad = [
        "",
        " ",
        " a",
        "\ta",
        "-a",
        "+a",
        "0xa",
        "0Xa",
        "xa",
        "ag",
        "g",
        "ah",
        "a,a",
        "a a",
        "a:",
        "a=",
        "a.",
        "a.0",
        "a/",
        "@",
        "`",
        "G",
        '"a"',
        "a_",
        "_a",
        "#a",
        "(a)",
        "a\x00",
        "\x00a",
        "a\x0b",
        "a\x7f",
        "a\x80",
        "\xef\xbd\x81",
        "\xb2",
        "a\x1b;",
        "a;\x00",
        "a;\x01",
        "a;\x7f",
        "a;\r",
        "a\r",
        "10000000000000000",
        "1000000000000000a",
        "fffffffffffffffff",
        "8000000000000000a",
        "f" * 100,
    ]
    huge = ["40000001", "7fffffff", "ffffffff", "10000000a", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff"]
    data = "0123456789"
    for kind, values, expectation in (
        ("good", good, OK | {"body": data}),
        ("bad", bad, error("proto_chunk")),
        ("huge", huge, error("body_too_large")),
    ):
        for index, value in enumerate(values):
            response = f"{STATUS_LINE}Transfer-Encoding: chunked\r\n\r\n{value}\r\n{data}\r\n0\r\n\r\n"
            yield case(f"chunk-size-{kind}-{index}", "RFC 9112 7.1; behaviour 9, 11", response, expectation)
    for index, value in enumerate(["0", "00", "000000000000000000000", "0;a", "0 ", "0\t;a=b"]):
        response = f"{STATUS_LINE}Transfer-Encoding: chunked\r\n\r\n{value}\r\n\r\n"
        yield case(f"chunk-last-good-{index}", "RFC 9112 7.1", response, OK | {"body": ""})
    for index, value in enumerate(["-0", "+0", "0x0", "0,", "0.", "0:", "0\0", "0\r", "o", "O"]):
        response = f"{STATUS_LINE}Transfer-Encoding: chunked\r\n\r\n{value}\r\n\r\n"
        yield case(f"chunk-last-bad-{index}", "RFC 9112 7.1", response, error("proto_chunk"))
