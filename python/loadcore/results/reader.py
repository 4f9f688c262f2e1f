"""Reading Arrow files that may be whole, still growing, or cut short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = b"ARROW1"
_BODY_OFFSET = 8
"""The magic and its padding: what stands in a file before the stream begins."""


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
    """Read a file of the Arrow IPC file format, sealed or not. A partial batch at its end is left out.

    Raises:
        OSError: The file cannot be opened.
    """
    with pa.memory_map(str(path)) if path.stat().st_size else pa.BufferReader(b"") as source:
        try:
            reader = pa.ipc.open_file(source)
            batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
            return Contents(batches, reader.schema, sealed=True)
        except pa.ArrowInvalid:
            return _read_body(source)


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
    except (pa.ArrowInvalid, OSError):
        return Contents([], None, sealed=False)
    return Contents(list(_whole_batches(reader)), reader.schema, sealed=False)


def _whole_batches(reader: pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return
