"""Interim responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, case, error

if TYPE_CHECKING:
    from collections.abc import Iterator


def interim_sequences() -> Iterator[Case]:
    """RFC 9110, 15.2: interim responses in every order, before every kind of final one."""
    finals = {
        "length": (STATUS_LINE + "Content-Length: 2\r\n\r\nok", OK),
        "chunked": (STATUS_LINE + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", OK),
        "none": ("HTTP/1.1 204 X\r\n\r\n", OK | {"status": 204, "body": ""}),
        "error": ("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nok", OK | {"status": 500}),
        "bad": ("HTTP/1.1 200 OK\r\nX\r\n\r\n", error("proto_header")),
    }
    sequences = [
        (100,),
        (103,),
        (100, 100),
        (100, 103),
        (103, 100),
        (102, 102, 102),
        (100, 102, 103),
        (199, 150, 104, 100),
    ]
    for final, (text, expectation) in finals.items():
        for codes in sequences:
            heads = "".join(f"HTTP/1.1 {code} X\r\nLink: {code}\r\n\r\n" for code in codes)
            name = "-".join(map(str, codes))
            yield case(f"interims-{name}-{final}", "RFC 9110 15.2", heads + text, expectation | {"interim": len(codes)})
