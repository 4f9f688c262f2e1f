"""Arrow files that survive their writer.

A file in the Arrow IPC *file* format becomes readable as such only when its footer is written. Its body, from byte 8
on, is an IPC
*stream*, though. So every batch goes to the kernel in one unbuffered write: a killed process leaves whole batches, at
worst with a part of one more behind them, and `loadcore.results.reader` gets all of them back.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RETRY_AFTER_S = 1.0
"""How long rows are given up after a failed write before the next is tried."""


class _Collector(io.RawIOBase):
    """The sink of the Arrow writer: gathers the pieces of a batch until they are taken together."""

    def __init__(self) -> None:
        self._pieces = bytearray()
        self._position = 0

    def writable(self) -> bool:
        """Yes: Arrow asks."""
        return True

    def write(self, piece: object) -> int:
        """Gather a piece."""
        data = memoryview(piece)  # type: ignore[arg-type]  # Arrow hands over bytes
        self._pieces += data
        self._position += data.nbytes
        return data.nbytes

    def tell(self) -> int:
        """The position in the file, which the footer refers to."""
        return self._position

    def take(self) -> bytearray:
        """What was gathered since the last time."""
        pieces, self._pieces = self._pieces, bytearray()
        return pieces


@dataclass(frozen=True)
class FileFacts:
    """What the manifest says about a file. Without its footer (`sealed`) its body reads as a stream from byte 8."""

    name: str
    rows: int
    bytes: int
    sha256: str
    sealed: bool

    def to_dict(self) -> dict[str, object]:
        """The same as JSON types."""
        return asdict(self)


class ArrowFile:
    """One Arrow file, written batch by batch. After an `OSError` it holds the batches before it and takes no more."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._collector = _Collector()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        sink = pa.PythonFile(self._collector, mode="w")
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = pa.ipc.new_file(sink, schema, options=options)

    def begin(self) -> None:
        """Write the schema now rather than with the first batch.

        Raises:
            OSError: It could not be written.
        """
        self._flush()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch in one write.

        Raises:
            OSError: It could not be written whole; the file ends with the batch before it.
        """
        self._writer.write_batch(batch)
        self._flush()
        self.rows += batch.num_rows

    def seal(self) -> FileFacts:
        """Write the footer, make the file durable, close it. If the disk does not take the footer it stays unsealed."""
        sealed = True
        try:
            self._writer.close()
            self._flush()
            os.fsync(self._file)
        except OSError:
            sealed = False
        return self._close(sealed=sealed)

    def abandon(self) -> FileFacts:
        """Close the file as it is, without a footer: for one that could not be written to."""
        return self._close(sealed=False)

    def _flush(self) -> None:
        pieces = self._collector.take()
        view = memoryview(pieces)
        try:
            while view.nbytes:
                view = view[os.write(self._file, view) :]
        except OSError:
            # Half a batch is of no use to a reader, and would hide that the file ends early.
            os.ftruncate(self._file, self._bytes)
            raise
        self._hash.update(pieces)
        self._bytes += len(pieces)

    def _close(self, *, sealed: bool) -> FileFacts:
        os.close(self._file)
        return FileFacts(self.path.name, self.rows, self._bytes, self._hash.hexdigest(), sealed)


class SegmentedWriter:
    """Rows to disk, whatever the disk does.

    A batch that cannot be written is lost and counted, and the file is left as it is; a second later the next batch
    is tried in a new file (`segment` 1, 2, …), so that a disk that was full for a while costs the rows of that while
    only.

    Args:
        path_of: Gives the path of a segment.
        schema: Of all segments.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, path_of: Callable[[int], Path], schema: pa.Schema, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rows = 0
        self.rows_lost = 0
        self.problem: str | None = None
        """The first reason for which rows were lost."""
        self._path_of = path_of
        self._schema = schema
        self._clock = clock
        self._segment = 0
        self._file: ArrowFile | None = None
        self._finished: list[FileFacts] = []
        self._retry_at = float("-inf")

    def open(self) -> None:
        """Make the first file now, so that a folder that takes none is known before there are rows.

        Raises:
            OSError: It cannot be made.
        """
        self._file = ArrowFile(self._path_of(self._segment), self._schema)
        self._file.begin()

    def write(self, batch: pa.RecordBatch) -> bool:
        """Append a batch. False: its rows are lost, and counted."""
        if self._file is None and self._clock() < self._retry_at:
            self.rows_lost += batch.num_rows
            return False
        try:
            if self._file is None:
                self._file = ArrowFile(self._path_of(self._segment), self._schema)
            self._file.write(batch)
        except OSError as problem:
            self._give_up(batch, problem)
            return False
        self.rows += batch.num_rows
        return True

    def close(self) -> list[FileFacts]:
        """Seal what is open; the facts of all segments. Without any rows there is one file without rows."""
        if self._file is None and not self._finished and not self.rows_lost:
            with contextlib.suppress(OSError):  # Nothing is lost but the names of the columns.
                self._file = ArrowFile(self._path_of(0), self._schema)
        if self._file is not None:
            self._finished.append(self._file.seal())
            self._file = None
        return self._finished

    def _give_up(self, batch: pa.RecordBatch, problem: OSError) -> None:
        self.rows_lost += batch.num_rows
        self.problem = self.problem or f"{problem.strerror or problem} ({self._path_of(self._segment).name})"
        self._retry_at = self._clock() + RETRY_AFTER_S
        if self._file is None:
            return
        if self._file.rows:
            self._finished.append(self._file.abandon())
            self._segment += 1
        else:
            self._file.abandon()
            self._file.path.unlink(missing_ok=True)
        self._file = None
