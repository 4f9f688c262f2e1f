"""Reading Arrow files that may be whole, still growing, or cut short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MAGIC = b"ARROW1"
_BODY_OFFSET = 8
"""The magic and its padding, which precede the stream in a file."""

DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, MemoryError, OverflowError)
"""What Arrow says of bytes that are not what was written."""


@dataclass(frozen=True)
class Contents:
    """What could be read of a file: every whole batch."""

    batches: list[pa.RecordBatch]
    schema: pa.Schema | None
    """None: not even the schema had been written."""
    sealed: bool
    """Whether the file has its footer."""

    @property
    def rows(self) -> int:
        """Rows of all batches."""
        return sum(batch.num_rows for batch in self.batches)


def read(path: Path) -> Contents:
    """Read a file of the Arrow IPC file format, sealed or not. A partial or damaged batch is left out.

    Raises:
        OSError: The file cannot be opened.
    """
    with pa.memory_map(str(path)) if path.stat().st_size else pa.BufferReader(b"") as source:
        try:
            reader = pa.ipc.open_file(source)
            schema = reader.schema
        except DAMAGE:
            return _read_body(source)
        return Contents(list(_readable_batches(reader)), schema, sealed=True)


def stream(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read some columns of a file, one batch after another, in the memory of one. Like `read` otherwise.

    Columns that the file does not have are left out.

    Raises:
        OSError: The file cannot be opened.
    """
    # Not mapped: pages of a file that was read stay with the process until memory is short.
    with pa.OSFile(str(path)) if path.stat().st_size else pa.BufferReader(b"") as source:
        try:
            reader = pa.ipc.open_file(source)
            reader = pa.ipc.open_file(source, options=_only(reader.schema, columns))
        except DAMAGE:
            yield from _stream_body(source, columns)
        else:
            yield from _readable_batches(reader)


def schema_of(path: Path) -> pa.Schema | None:
    """The columns of a file; None if not even they had been written.

    Raises:
        OSError: The file cannot be opened.
    """
    with pa.OSFile(str(path)) if path.stat().st_size else pa.BufferReader(b"") as source:
        try:
            source.seek(min(_BODY_OFFSET, source.size()))
            return pa.ipc.open_stream(source).schema
        except DAMAGE:
            return None


def is_sealed(path: Path) -> bool:
    """Whether a file has its footer, told from its last bytes."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(_MAGIC)))
        return file.read() == _MAGIC


def _read_body(source: pa.NativeFile) -> Contents:
    """Read the body as a stream, as far as it goes."""
    source.seek(min(_BODY_OFFSET, source.size()))
    try:
        reader = pa.ipc.open_stream(source)
    except DAMAGE:
        return Contents([], None, sealed=False)
    return Contents(list(_whole_batches(reader)), reader.schema, sealed=False)


def _stream_body(source: pa.NativeFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        source.seek(min(_BODY_OFFSET, source.size()))
        schema = pa.ipc.open_stream(source).schema
        source.seek(_BODY_OFFSET)
        reader = pa.ipc.open_stream(source, options=_only(schema, columns))
    except DAMAGE:
        return
    yield from _whole_batches(reader)


def _only(schema: pa.Schema, columns: Sequence[str]) -> pa.ipc.IpcReadOptions:
    wanted = [place for place, name in enumerate(schema.names) if name in columns]
    return pa.ipc.IpcReadOptions(included_fields=wanted)


def _whole_batches(reader: pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
            batch.validate(full=True)
        except (StopIteration, *DAMAGE):
            return
        yield batch


def _readable_batches(reader: pa.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    """The batches of a sealed file. One that was damaged later is left out; the manifest tells that something is."""
    for index in range(reader.num_record_batches):
        try:
            batch = reader.get_batch(index)
            batch.validate(full=True)
        except DAMAGE:
            continue
        yield batch
