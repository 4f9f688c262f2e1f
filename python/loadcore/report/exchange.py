"""A request and its response as text: what a sample shows.

Everything here comes from a target, so all of it is made printable before it reaches a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.report.glyphs import printable
from loadcore.report.layout import MARGIN, Cell, Page, Role, cut, sentence, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

Sample = Mapping[str, Any]
"""An entry of `samples` in a summary."""

FEW_LINES = 12
"""Lines of a body that are shown where it is not asked for in full."""

_SHOWN_IN_SHORT = frozenset({"host", "traceparent"})
_INDENT = "    "


def exchange(sample: Sample, page: Page, *, full: bool) -> list[str]:
    """What was sent and what came back.

    Args:
        sample: The sample.
        page: What to draw on.
        full: Whether the headers of the request and all that was kept of the body are shown as well.
    """
    return [*_request(sample["request"], page, full=full), *_response(sample["response"], page, full=full)]


def _request(request: Mapping[str, Any] | None, page: Page, *, full: bool) -> Iterator[str]:
    if request is None:
        return
    yield _line(f"> {request['line']}", page, Role.HEADING)
    shown = request["headers"] if full else [pair for pair in request["headers"] if pair[0].lower() in _SHOWN_IN_SHORT]
    for name, value in shown:
        yield _line(f"> {name}: {value}", page, Role.QUIET)
    if full and request["body_bytes"]:
        yield _line(f"> (a body of {numbers.size(request['body_bytes'])})", page, Role.QUIET)


def _response(response: Mapping[str, Any] | None, page: Page, *, full: bool) -> Iterator[str]:
    if response is None:
        return
    if response["line"]:
        yield _line(f"< {response['line']}", page, Role.HEADING)
    for name, value in response["headers"]:
        yield _line(f"< {name}: {value}", page, Role.QUIET)
    yield from _body(response, page, full=full)


def _body(response: Mapping[str, Any], page: Page, *, full: bool) -> Iterator[str]:
    glyphs = page.glyphs
    room = page.width - len(MARGIN) - len(_INDENT)
    text = [printable(line.replace("\t", "    "), glyphs) for line in response["body"].splitlines()]
    lines = [piece for line in text for piece in wrapped(line, room)]
    shown = lines if full else lines[:FEW_LINES]
    for line in shown:
        yield f"{MARGIN}{_INDENT}{line}".rstrip()
    size = numbers.size(response["body_bytes"])
    coding = _coding(response)
    if coding is not None and response["body_bytes"]:
        size += f", compressed with {coding}"
    if response.get("unreadable"):
        yield from sentence(Cell(_INDENT, Role.QUIET), printable(f"({response['unreadable']})", glyphs), page)
    elif len(shown) < len(lines) or response["cut"]:
        yield _line(f"({glyphs.ellipsis} the first part of {size})", page, Role.QUIET)
    elif not lines and response["line"]:
        yield _line("(no body)" if not response["body_bytes"] else f"(a body of {size})", page, Role.QUIET)
    elif coding is not None and lines:
        yield _line(f"({size})", page, Role.QUIET)


def _coding(response: Mapping[str, Any]) -> str | None:
    """How the body came compressed, if it did: `gzip`."""
    named = [value for name, value in response["headers"] if name.lower() == "content-encoding"]
    codings = [coding.strip() for coding in ",".join(named).split(",")]
    return ", ".join(coding for coding in codings if coding and coding.lower() != "identity") or None


def _line(text: str, page: Page, role: Role) -> str:
    room = page.width - len(MARGIN) - len(_INDENT)
    return f"{MARGIN}{_INDENT}{page.paint(cut(printable(text, page.glyphs), room, page.glyphs), role)}"
