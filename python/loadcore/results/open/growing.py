"""Reading windows while they are written: each batch once, as soon as it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from loadcore.results.reader import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.results.run_folder import RunFolder

_ALONE = pa.ipc.IpcReadOptions(use_threads=False)
"""A second's columns are few kilobytes. Threads of Arrow's would run however urgent the one was that made them."""
_BODY_OFFSET = 8
"""The magic and its padding, which precede the stream in a file."""


class GrowingWindows:
    """The windows of a run that is in progress.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._segments: list[_Segment] = []

    def new(self) -> Iterator[pa.RecordBatch]:
        """The batches that have become whole since the last call."""
        paths = self._folder.all_windows()
        for path in paths[len(self._segments) :]:
            try:
                self._segments.append(_Segment(path.open("rb"), path.open("rb")))
            except OSError:
                break
        for segment in self._segments:
            yield from segment.new()

    def close(self) -> None:
        """Close the files."""
        for segment in self._segments:
            segment.close()


class _Segment:
    """One file, opened twice: one place in it is that of the reader, who is never let beyond what is whole.

    Both stay open, so the file may be replaced meanwhile.
    """

    def __init__(self, ahead: BinaryIO, taken: BinaryIO) -> None:
        self._ahead = ahead
        self._taken = taken
        self._taken.seek(_BODY_OFFSET)
        self._whole = _BODY_OFFSET
        """Up to where messages are whole."""
        self._reader: pa.RecordBatchStreamReader | None = None

    def new(self) -> Iterator[pa.RecordBatch]:
        """Batches that have become whole."""
        for kind in self._messages():
            if self._reader is None and kind == "schema":
                self._reader = pa.ipc.open_stream(pa.PythonFile(self._taken, "r"), options=_ALONE)
            elif self._reader is not None and kind == "record batch":
                try:
                    yield self._reader.read_next_batch()
                except (StopIteration, *DAMAGE):
                    return

    def close(self) -> None:
        """Close the file."""
        self._ahead.close()
        self._taken.close()

    def _messages(self) -> Iterator[str]:
        """The kind of each message that has become whole."""
        while True:
            self._ahead.seek(self._whole)
            try:
                message = pa.ipc.read_message(pa.PythonFile(self._ahead, "r"))
            except (EOFError, *DAMAGE):
                return
            if message.type == "none":
                return
            self._whole = self._ahead.tell()
            yield message.type
