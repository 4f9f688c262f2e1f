"""Bodies that come piece by piece: however they are cut, the same comes out."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.scripting.body import MOST_AT_ONCE, Decompression, Event, Events, Lines
from loadcore.scripting.duration import Duration

if TYPE_CHECKING:
    from collections.abc import Sequence

cuts = st.lists(st.integers(1, 7), max_size=40)


def pieces(body: bytes, lengths: Sequence[int]) -> list[bytes]:
    """A body cut into pieces of these lengths, and the rest."""
    found, at = [], 0
    for length in lengths:
        found.append(body[at : at + length])
        at += length
    return [*(piece for piece in found if piece), body[at:]]


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


@given(st.binary(max_size=300), st.sampled_from(["gzip", "x-gzip", "zlib", "raw", "members"]), cuts)
def test_decompression_does_not_depend_on_the_cuts(body: bytes, kind: str, lengths: list[int]) -> None:
    """`gzip` of one or more members, and `deflate` with and without its head."""
    packer = zlib.compressobj(wbits=-15)
    coded = {
        "gzip": gzip.compress(body),
        "x-gzip": gzip.compress(body),
        "zlib": zlib.compress(body),
        "raw": packer.compress(body) + packer.flush(),
        "members": gzip.compress(body) + gzip.compress(body),
    }[kind]
    coding = {"zlib": "deflate", "raw": "deflate", "members": "GZIP"}.get(kind, kind)
    if kind == "raw":
        # Raw data may look like the head of zlib until its second byte; a server sends it in larger pieces.
        lengths = []
    decompression = Decompression(coding)
    found = b"".join(part for piece in pieces(coded, lengths) for part in decompression.feed(piece))
    decompression.end()
    assert found == (body * 2 if kind == "members" else body)


def test_what_is_small_does_not_become_large_at_once() -> None:
    """A bomb comes out in parts."""
    coded = gzip.compress(bytes(8 << 20))
    sizes = [len(part) for part in Decompression("gzip").feed(coded)]
    assert (sum(sizes), max(sizes)) == (8 << 20, MOST_AT_ONCE)


def test_damage_is_told() -> None:
    """Bytes that are not what `Content-Encoding` says, and those that end too early. Other codings stay as they are."""
    with pytest.raises(ValueError, match="the body is damaged: its Content-Encoding says gzip"):
        list(Decompression("gzip").feed(b"plain"))
    cut = Decompression("gzip")
    list(cut.feed(gzip.compress(b"hello")[:-4]))
    with pytest.raises(ValueError, match="the body is compressed with gzip and ends too early"):
        cut.end()
    for coding in ("", "identity", "br"):
        plain = Decompression(coding)
        assert list(plain.feed(b"plain")) == [b"plain"]
        plain.end()


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
