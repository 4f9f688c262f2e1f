"""Every form of the fields that frame a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, case, error

if TYPE_CHECKING:
    from collections.abc import Iterator


def content_length_forms() -> Iterator[Case]:
    """RFC 9110, 8.6: what may stand for the number 2, and what may not."""
    good = ["2", "02", "0" * 30 + "2", "2,2", "2, 2", "2 ,\t2", "2, 02", "2,2,2", "  2", "2  ", "\t2\t"]
    bad = [
        "",
        ",",
        " ",
        "2,",
        ",2",
        "2,,2",
        "2, 3",
        "3, 2",
        "2, x",
        "2 2",
        "2;2",
        "2; 2",
        "-2",
        "+2",
        "-0",
        "--2",
        "2-",
        "2+",
        "0x2",
        "0X2",
        "x2",
        "2h",
        "0b10",
        "0o2",
        "2.0",
        "2.",
        ".2",
        "2e0",
        "1e1",
        "2_0",
        "2'0",
        '"2"',
        "'2'",
        "(2)",
        "[2]",
        "two",
        "2 bytes",
        "2b",
        "NaN",
        "null",
        "2\xa0",
        "\xa02",
        "\xb2",
        "\xd9\xa2",
        "\xef\xbc\x92",
        "2:",
        ":2",
        "=2",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551618",
        "4294967298" * 3,
        "9223372036854775808, 2",
        "2, 18446744073709551618",
        "9" * 400,
    ]
    invalid = ["2\0", "\0002", "\x0b2", "2\x0c", "2\x7f", "\r2", "2\r"]
    source = "RFC 9110 8.6; behaviour 4-6"
    for kind, values, expectation in (
        ("good", good, OK),
        ("bad", bad, error("proto_content_length")),
        ("invalid", invalid, error("proto_header")),
    ):
        for index, value in enumerate(values):
            response = f"{STATUS_LINE}Content-Length: {value}\r\n\r\nok"
            yield case(f"length-form-{kind}-{index}", source, response, expectation)
    for value in [
        "1073741825",
        "2147483648",
        "4294967296",
        "4294967298",
        "9223372036854775807",
        "0009223372036854775807",
    ]:
        response = f"{STATUS_LINE}Content-Length: {value}\r\n\r\nok"
        yield case(f"length-form-huge-{value}", source, response, error("body_too_large"))


def transfer_encoding_forms() -> Iterator[Case]:
    """RFC 9112, 6.1: what may stand for `chunked`, and what may not."""
    good = ["chunked", "Chunked", "CHUNKED", "  chunked  ", "\tchunked\t", "chunked,", ",chunked", ", , chunked ,,"]
    bad = [
        "",
        ",",
        ", ,",
        "identity",
        "gzip",
        "deflate",
        "compress",
        "x",
        "gzip, chunked",
        "chunked, gzip",
        "identity, chunked",
        "chunked, identity",
        "chunked, chunked",
        "chunked,chunked",
        "chunked chunked",
        "chunked; q=1",
        "chunked;a=b",
        "chunked;",
        '"chunked"',
        "'chunked'",
        "xchunked",
        "chunkedx",
        "chun ked",
        "chunk",
        "chunke",
        "chunked.",
        "chunked:",
        ":chunked",
        "chunked/1.1",
        "-chunked",
        "trailers",
        "*",
        "chunked\xa0",
        "\xa0chunked",
        "\xc3\xa7hunked",
        "chunKed\xe2\x84\xaa",
    ]
    invalid = [
        "chunked\x00",
        "\x00chunked",
        "\x0bchunked",
        "chunked\x0c",
        "chunked\x7f",
        "\rchunked",
        "chun\rked",
        "chunked\r",
    ]
    body = "2\r\nok\r\n0\r\n\r\n"
    for kind, values, expectation in (
        ("good", good, OK),
        ("bad", bad, error("proto_transfer_encoding")),
        ("invalid", invalid, error("proto_header")),
    ):
        for index, value in enumerate(values):
            response = f"{STATUS_LINE}Transfer-Encoding: {value}\r\n\r\n{body}"
            yield case(f"coding-form-{kind}-{index}", "RFC 9112 6.1; behaviour 8", response, expectation)
