"""Responses that end too early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import STATUS_LINE, Case, case, error

if TYPE_CHECKING:
    from collections.abc import Iterator


def cuts() -> Iterator[Case]:
    """A response that ends at any byte: by FIN, by RST, or in silence."""
    length = STATUS_LINE + "A: b\r\nContent-Length: 2\r\n\r\n"
    chunked = STATUS_LINE + "Transfer-Encoding: chunked\r\n\r\n"
    endings = {"fin": "closed_in", "rst": "reset_in", "open": "timeout"}

    def body_of_chunks(sent: int) -> str:
        return "ok"[: min(max(sent - len("2\r\n"), 0), 2)]

    def body_of_length(sent: int) -> str:
        return "ok"[:sent]

    messages = {
        "length": (length, "ok", body_of_length),
        "chunked": (chunked, "2\r\nok\r\n0\r\nA: b\r\n\r\n", body_of_chunks),
        "interim": ("HTTP/1.1 103 X\r\nA: b\r\n\r\n" + length, "ok", body_of_length),
    }
    for name, (head, rest, body) in messages.items():
        text = head + rest
        status_known_at = head.rindex(STATUS_LINE) + len(STATUS_LINE)
        interim_known_at = head.index("\n") + 1 if name == "interim" else len(text)
        for at in range(1, len(text)):
            part = "headers" if at < len(head) else "body"
            for then, prefix in endings.items():
                status = 200 if at >= status_known_at else None
                expectation = error(f"{prefix}_{part}", status=status, body=body(max(at - len(head), 0)))
                more = {"interim": 1} if at >= interim_known_at else {}
                yield case(
                    f"cut-{name}-{at}-{then}", "behaviour 1, 2, 13, 19, 31", text[:at], expectation | more, then=then
                )


def cuts_until_close() -> Iterator[Case]:
    """A response that ends with its connection, at any byte."""
    head = STATUS_LINE + "A: b\r\n\r\n"
    for at in range(1, len(head) + 3):
        body = "ok"[: max(at - len(head), 0)]
        known = 200 if at >= len(STATUS_LINE) else None
        for then, outcome, in_head in (
            ("fin", "ok", "closed_in_headers"),
            ("rst", "reset_in_body", "reset_in_headers"),
            ("open", "timeout_body", "timeout_headers"),
        ):
            expectation = error(outcome if at >= len(head) else in_head, status=known, body=body)
            yield case(
                f"cut-until-close-{at}-{then}", "behaviour 1, 24, 31", (head + "ok")[:at], expectation, then=then
            )
