"""Bodies that come compressed and piece by piece: however they are cut, the same comes out."""

from __future__ import annotations

import gzip
import importlib
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.scripting.decompression import MOST_AT_ONCE, Decompression
from tests.unit.scripting.pieces import cuts, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def raw(body: bytes) -> bytes:
    """Deflate without the head of zlib."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def brotli(body: bytes) -> bytes:
    """By Arrow."""
    return bytes(pa.compress(body, codec="brotli", asbytes=True))


def zstd(body: bytes) -> bytes:
    """By Arrow."""
    return bytes(pa.compress(body, codec="zstd", asbytes=True))


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("GZIP", lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:])),
    ("deflate", zlib.compress),
    ("br", brotli),
    ("zstd", zstd),
    ("ZSTD", lambda body: zstd(body[:5]) + zstd(body[5:])),
    ("gzip, identity ,br", lambda body: brotli(gzip.compress(body))),
    ("br,zstd,gzip,deflate", lambda body: zlib.compress(gzip.compress(zstd(brotli(body))))),
    ("identity", bytes),
    ("", bytes),
]


def read(coding: str, coded: bytes, lengths: Sequence[int] = ()) -> bytes:
    """What comes out of a body."""
    decompression = Decompression(coding)
    found = b"".join(part for piece in pieces(coded, lengths) for part in decompression.feed(piece))
    decompression.end()
    return found


@given(st.binary(max_size=300), st.sampled_from(CODINGS), cuts)
def test_what_comes_out_does_not_depend_on_the_cuts(
    body: bytes, coding: tuple[str, Callable[[bytes], bytes]], lengths: list[int]
) -> None:
    """Every coding, members and frames one after another, and one coding in another."""
    name, encode = coding
    assert read(name, encode(body), lengths) == body


@given(st.binary(max_size=300))
def test_deflate_without_a_head(body: bytes) -> None:
    """Raw data may look like the head of zlib until its second byte; a server sends it in larger pieces."""
    assert read("deflate", raw(body)) == body


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("br", brotli), ("zstd", zstd)])
def test_what_is_small_does_not_become_large_at_once(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """A bomb comes out in parts. Brotli's buffer grows by steps and may be a little larger."""
    sizes = [len(part) for part in Decompression(coding).feed(encode(bytes(8 << 20)))]
    assert sum(sizes) == 8 << 20
    assert max(sizes) <= MOST_AT_ONCE * (2 if coding == "br" else 1)


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("br", brotli), ("zstd", zstd)])
def test_what_has_come_is_there_at_once(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Nothing waits for a window to fill: a body without its last bytes gives all that came before them."""
    body = bytes(range(256)) * 2_000
    decompression = Decompression(coding)
    found = b"".join(decompression.feed(encode(body)[:-4]))
    assert body.startswith(found)
    assert found
    with pytest.raises(ValueError, match=f"the body is compressed with {coding} and ends too early"):
        decompression.end()


def test_flushed_zstd_and_brotli_come_out() -> None:
    """A server that flushes after each event has each event read when it came."""
    frames = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    package = importlib.import_module("brotli")
    compressors: list[tuple[str, Any, Callable[[Any], bytes]]] = [
        ("br", package.Compressor(), lambda packer: packer.process(b"data: 1\n\n") + packer.flush()),
        ("zstd", frames.ZstdCompressor(), lambda packer: packer.compress(b"data: 1\n\n", packer.FLUSH_BLOCK)),
    ]
    for coding, packer, event in compressors:
        decompression = Decompression(coding)
        for _ in range(3):
            assert b"".join(decompression.feed(event(packer))) == b"data: 1\n\n"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_damage_is_told(coding: str) -> None:
    """Bytes that are not what `Content-Encoding` says."""
    with pytest.raises(ValueError, match=f"the body is damaged: its Content-Encoding says {coding}"):
        list(Decompression(coding).feed(b"plain text, whatever the header says"))


def test_what_cannot_be_read_is_told() -> None:
    """Unknown codings, and too many: in the words of requests that are read as a whole."""
    with pytest.raises(ValueError, match="the body is compressed with 'foo', which loadcore cannot read"):
        Decompression("gzip, foo")
    with pytest.raises(ValueError, match="the body is compressed more than 4 times, which loadcore does not read"):
        Decompression("gzip,gzip,gzip,gzip,gzip")


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_package_that_is_missing_is_named(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it. Other codings need none."""

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("loadcore.scripting.decompression.import_module", missing)
    with pytest.raises(ValueError, match=rf"compressed with {coding}, run pip install 'loadcore\[streams\]'"):
        Decompression(coding)
    assert read("gzip", gzip.compress(b"x")) == b"x"


def test_brotli_without_a_bound_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1.2 a small piece could become large at once."""
    package = importlib.import_module("brotli")
    monkeypatch.setattr(package, "Decompressor", object)
    with pytest.raises(ValueError, match="loadcore\\[streams\\]"):
        Decompression("br")
