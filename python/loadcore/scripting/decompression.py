"""Undoes content codings (RFC 9110, 8.4) of a body that comes piece by piece, in parts of a bounded size."""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_AT_ONCE: Final = 64 * 1024
"""Of what was compressed no more is made at once, however small it was."""

_MOST_CODINGS: Final = 4
_ZLIB_OR_GZIP: Final = 47
_RAW: Final = -15
_ZSTD_WINDOW_LOG: Final = 23
"""The largest window that content may have (RFC 9659): 8 MiB."""


class Decompression:
    """Undoes what a `Content-Encoding` names, as it comes.

    Args:
        encoding: The value of the header: names of codings, in the order in which they were applied.

    Raises:
        ValueError: One of them cannot be undone here.
    """

    def __init__(self, encoding: str) -> None:
        names = [name for each in encoding.lower().split(",") if (name := each.strip()) not in {"", "identity"}]
        if len(names) > _MOST_CODINGS:
            raise ValueError(f"the body is compressed more than {_MOST_CODINGS} times, which loadcore does not read")
        self._decoders = [(_decoder(name), name) for name in reversed(names)]

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What comes out of a piece, in parts of a bounded size.

        Raises:
            ValueError: It is not what its coding says.
        """
        return self._undo(piece, 0)

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            ValueError: Something is missing.
        """
        for decoder, name in self._decoders:
            if decoder.is_within:
                raise ValueError(f"the body is compressed with {name} and ends too early")

    def _undo(self, piece: bytes, first: int) -> Iterator[bytes]:
        if first == len(self._decoders):
            yield piece
            return
        decoder, name = self._decoders[first]
        parts = decoder.feed(piece)
        while True:
            try:
                part = next(parts, None)
            except decoder.damage as error:
                raise ValueError(f"the body is damaged: its Content-Encoding says {name}") from error
            if part is None:
                return
            yield from self._undo(part, first + 1)


class _Decoder(Protocol):
    """Undoes one coding."""

    damage: type[Exception]
    """What `feed` raises if the body breaks the rules."""
    is_within: bool
    """Whether more has to come."""

    def feed(self, piece: bytes, /) -> Iterator[bytes]:
        """What comes out of a piece, never an empty part."""
        ...


class _Inflate:
    """`gzip`, of one member or more, and `deflate`."""

    damage: type[Exception] = zlib.error

    def __init__(self, *, may_be_raw: bool) -> None:
        self._inflater: zlib._Decompress = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._may_be_raw = may_be_raw
        self.is_within = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            try:
                part = self._inflater.decompress(piece, MOST_AT_ONCE)
            except zlib.error:
                if not self._may_be_raw:
                    raise
                # Some servers send it without the head of zlib.
                self._inflater, self._may_be_raw = zlib.decompressobj(_RAW), False
                continue
            self._may_be_raw, self.is_within = False, True
            piece = self._inflater.unconsumed_tail
            if part:
                yield part
            if self._inflater.eof:
                # Another member may follow.
                piece, self.is_within = self._inflater.unused_data, False
                self._inflater = zlib.decompressobj(_ZLIB_OR_GZIP)


class _Brotli:
    """`br` (RFC 7932)."""

    def __init__(self) -> None:
        brotli = _package("br", "brotli")
        if not hasattr(brotli.Decompressor, "can_accept_more_data"):
            # Those before 1.2 make of a small piece as much as it says.
            raise _missing("br")
        self.damage: type[Exception] = brotli.error
        self._decompressor = brotli.Decompressor()
        self.is_within = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while not self._decompressor.is_finished():
            self.is_within = True
            part = self._decompressor.process(piece, output_buffer_limit=MOST_AT_ONCE)
            self.is_within, piece = not self._decompressor.is_finished(), b""
            if not part:
                return
            yield part


class _Zstd:
    """`zstd` (RFC 8878), of one frame or more."""

    def __init__(self) -> None:
        self._zstd = _package("zstd", "backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")
        self.damage: type[Exception] = self._zstd.ZstdError
        self._decompressor = self._new()
        self.is_within = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece or not self._decompressor.needs_input:
            part = self._decompressor.decompress(piece, MOST_AT_ONCE)
            self.is_within, piece = not self._decompressor.eof, b""
            if part:
                yield part
            if self._decompressor.eof:
                # Another frame may follow.
                piece = self._decompressor.unused_data
                self._decompressor = self._new()

    def _new(self) -> Any:  # noqa: ANN401 - its type depends on the version of Python
        return self._zstd.ZstdDecompressor(options={self._zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


_DECODERS: Final[dict[str, Callable[[], _Decoder]]] = {
    "gzip": lambda: _Inflate(may_be_raw=False),
    "x-gzip": lambda: _Inflate(may_be_raw=False),
    "deflate": lambda: _Inflate(may_be_raw=True),
    "br": _Brotli,
    "zstd": _Zstd,
}


def _decoder(name: str) -> _Decoder:
    if name not in _DECODERS:
        raise ValueError(f"the body is compressed with {name!r}, which loadcore cannot read")
    return _DECODERS[name]()


def _package(coding: str, name: str) -> Any:  # noqa: ANN401 - a module
    """A package that is there only where someone needs it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(coding) from error


def _missing(coding: str) -> ValueError:
    return ValueError(f"to read a stream compressed with {coding}, run pip install 'loadcore[streams]'")
