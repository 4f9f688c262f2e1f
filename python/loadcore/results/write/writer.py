"""Arrow files that survive their writer.

A file in the Arrow IPC *file* format becomes readable as such only when its footer is written. Its body, from byte 8
on, is an IPC *stream*, though. So every batch goes to the kernel in one unbuffered write: a killed
process leaves whole batches, at worst with a part of one more behind them, and `loadcore.results.reader` gets all of
them back.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable, Sized

    from loadcore.results.run_facts import FileFacts

StrPath: TypeAlias = "str | os.PathLike[str]"

RETRY_AFTER_S = 1.0
"""How long rows are given up after a failed write before the next is tried."""

_Batch_contra = TypeVar("_Batch_contra", bound="Sized", contravariant=True)


class Encoder(Protocol[_Batch_contra]):
    """Turns batches into the bytes of one Arrow file. Each method returns what to append next."""

    def begin(self) -> bytes:
        """The magic and the schema. Without this call they come with the first batch."""

    def encode(self, batch: _Batch_contra, /) -> bytes:
        """A batch."""

    def finish(self) -> bytes:
        """The footer."""


class ArrowFile(Generic[_Batch_contra]):
    """One Arrow file, written batch by batch. After an `OSError` it holds the batches before it and takes no more.

    Args:
        path: The file.
        encoder: Makes its bytes.
        claimed: Whether the file is there and empty, rather than new.
    """

    def __init__(self, path: StrPath, encoder: Encoder[_Batch_contra], *, claimed: bool = False) -> None:
        self.name = _name(path)
        self.rows = 0
        self._bytes = 0
        self._hash: hashlib._Hash | None = None
        self._begun = b""
        """What was written before the first batch."""
        self._encoder = encoder
        new = 0 if claimed else os.O_CREAT | os.O_EXCL
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | new, 0o644)

    def begin(self) -> None:
        """Write the schema now rather than with the first batch.

        Raises:
            OSError: It could not be written.
        """
        piece = self._encoder.begin()
        self._append(piece)
        self._begun = piece

    def write(self, batch: _Batch_contra) -> None:
        """Append a batch in one write.

        Raises:
            OSError: It could not be written whole; the file ends with the batch before it.
        """
        self._append_and_hash(self._encoder.encode(batch))
        self.rows += len(batch)

    def seal(self) -> FileFacts:
        """Write the footer, make the file durable, close it. If the disk does not take the footer it stays unsealed."""
        sealed = True
        try:
            self._append_and_hash(self._encoder.finish())
            os.fsync(self._file)
        except OSError:
            sealed = False
        return self._close(sealed=sealed)

    def abandon(self) -> FileFacts:
        """Close the file as it is, without a footer: for one that could not be written to."""
        return self._close(sealed=False)

    def _append(self, piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view.nbytes:
                view = view[os.write(self._file, view) :]
        except OSError:
            # Half a batch is of no use to a reader, and would hide that the file ends early.
            os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(piece)

    def _append_and_hash(self, piece: bytes) -> None:
        self._append(piece)
        self._hashed().update(piece)

    def _hashed(self) -> hashlib._Hash:
        """The hash of all that was written. It is made with the first batch: OpenSSL takes a moment to load."""
        if self._hash is None:
            import hashlib  # noqa: PLC0415 - see above

            self._hash = hashlib.sha256(self._begun)
        return self._hash

    def _close(self, *, sealed: bool) -> FileFacts:
        from loadcore.results.run_facts import FileFacts  # noqa: PLC0415 - not needed before the end

        os.close(self._file)
        return FileFacts(self.name, self.rows, self._bytes, self._hashed().hexdigest(), sealed)


class SegmentedWriter(Generic[_Batch_contra]):
    """Rows to disk, whatever the disk does.

    A batch that cannot be written is lost and counted, and the file is left as it is; a second later the next batch
    is tried in a new file (`segment` 1, 2, …), so that a disk that was full for a while costs the rows of that while
    only.

    Args:
        path_of: Gives the path of a segment.
        new_encoder: Makes the encoder of a segment.
        clock: Seconds, monotonic.
        claimed: Whether the first file is there and empty.
    """

    def __init__(
        self,
        path_of: Callable[[int], StrPath],
        new_encoder: Callable[[], Encoder[_Batch_contra]],
        clock: Callable[[], float] = time.monotonic,
        *,
        claimed: bool = False,
    ) -> None:
        self.rows = 0
        self.rows_lost = 0
        self.problem: str | None = None
        """The first reason for which rows were lost."""
        self._path_of = path_of
        self._new_encoder = new_encoder
        self._clock = clock
        self._segment = 0
        self._claimed = claimed
        self._file: ArrowFile[_Batch_contra] | None = None
        self._finished: list[FileFacts] = []
        self._retry_at = float("-inf")

    def open(self) -> None:
        """Make the first file now, so that a folder that takes none is known before there are rows.

        Raises:
            OSError: It cannot be made.
        """
        self._file = self._new_file()
        self._file.begin()

    def write(self, batch: _Batch_contra) -> bool:
        """Append a batch. False: its rows are lost, and counted."""
        if self._file is None and self._clock() < self._retry_at:
            self.rows_lost += len(batch)
            return False
        try:
            if self._file is None:
                self._file = self._new_file()
            self._file.write(batch)
        except OSError as problem:
            self._give_up(batch, problem)
            return False
        self.rows += len(batch)
        return True

    def close(self) -> list[FileFacts]:
        """Seal what is open; the facts of all segments. Without any rows there is one file without rows."""
        if self._file is None and not self._finished and not self.rows_lost:
            with contextlib.suppress(OSError):  # Nothing is lost but the names of the columns.
                self._file = self._new_file()
        if self._file is not None:
            self._finished.append(self._file.seal())
            self._file = None
        return self._finished

    def _new_file(self) -> ArrowFile[_Batch_contra]:
        file = ArrowFile(self._path_of(self._segment), self._new_encoder(), claimed=self._claimed)
        self._claimed = False
        return file

    def _give_up(self, batch: _Batch_contra, problem: OSError) -> None:
        self.rows_lost += len(batch)
        self.problem = self.problem or f"{problem.strerror or problem} ({_name(self._path_of(self._segment))})"
        self._retry_at = self._clock() + RETRY_AFTER_S
        if self._file is None:
            return
        if self._file.rows:
            self._finished.append(self._file.abandon())
            self._segment += 1
        else:
            self._file.abandon()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path_of(self._segment))  # noqa: PTH108
        self._file = None


def _name(path: StrPath) -> str:
    # A worker does without pathlib, which takes long to import.
    return os.path.basename(path)  # noqa: PTH119
