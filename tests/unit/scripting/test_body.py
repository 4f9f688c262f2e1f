"""Bodies that come piece by piece: however they are cut, the same comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from loadcore.scripting.body import Event, Events, Lines
from loadcore.scripting.duration import Duration
from tests.unit.scripting.pieces import cuts, pieces

if TYPE_CHECKING:
    from collections.abc import Sequence


def lines_of(body: bytes, lengths: Sequence[int] = (), charset: str = "utf-8") -> list[str]:
    """Its lines."""
    lines = Lines(charset)
    return [line for piece in pieces(body, lengths) for line in lines.feed(piece)] + lines.end()


def events_of(text: str) -> list[tuple[str, str, str]]:
    """Its events."""
    events = Events()
    found = [events.feed(line) for line in lines_of(text.encode())]
    return [event for event in found if event is not None]


@given(st.text(alphabet="aé€\r\n", max_size=60), cuts)
def test_lines_do_not_depend_on_the_cuts(text: str, lengths: list[int]) -> None:
    """CR, LF and CRLF end lines, also where a piece ends between the two, or within a character."""
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not expected[-1]:
        expected.pop()
    assert lines_of(text.encode(), lengths) == expected


def test_charsets() -> None:
    """One that is not known is taken for UTF-8, and what cannot be read is replaced."""
    assert lines_of("é\n".encode("latin-1"), charset="latin-1") == ["é"]
    assert lines_of("é\n".encode(), charset="no-such") == ["é"]
    assert lines_of(b"\xff\n") == ["�"]


def test_events() -> None:
    """Fields, comments, ids that stay, lines of data, and an event that is not complete."""
    text = (
        "\ufeff: a comment\n"
        "data: one\n\n"
        "event: tick\nid: 7\ndata: two\ndata:three\ndata\n\n"
        "retry: 10\nunknown: x\n\n"
        "event: dropped without data\n\n"
        "data: {\n\n"
        "id: no\0t\ndata: last\r\n\r\n"
        "data: incomplete"
    )
    assert events_of(text) == [
        ("message", "one", ""),
        ("tick", "two\nthree\n", "7"),
        ("message", "{", "7"),
        ("message", "last", "7"),
    ]


def test_data_as_json() -> None:
    """What an event carries, most often."""
    assert Event("message", '{"a": [1]}', "", at=Duration(1)).json() == {"a": [1]}
