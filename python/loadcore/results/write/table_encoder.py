"""The encoder of batches that pyarrow holds: what the supervisor writes."""

from __future__ import annotations

import io

import pyarrow as pa


class TableEncoder:
    """Encodes batches of this schema as one Arrow file. See `loadcore.results.write.writer.Encoder`."""

    def __init__(self, schema: pa.Schema) -> None:
        self._pieces = _Pieces()
        sink = pa.PythonFile(self._pieces, mode="w")
        options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=True)
        self._writer = pa.ipc.new_file(sink, schema, options=options)

    def begin(self) -> bytes:
        """The magic and the schema."""
        return self._pieces.take()

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """A batch."""
        self._writer.write_batch(batch)
        return self._pieces.take()

    def finish(self) -> bytes:
        """The footer."""
        self._writer.close()
        return self._pieces.take()


class _Pieces(io.RawIOBase):
    """The sink of the Arrow writer: gathers the pieces of a batch until they are taken together."""

    def __init__(self) -> None:
        self._gathered = bytearray()
        self._position = 0

    def writable(self) -> bool:
        """Yes: Arrow asks."""
        return True

    def write(self, piece: object) -> int:
        """Gather a piece."""
        data = memoryview(piece)  # type: ignore[arg-type]  # Arrow hands over bytes
        self._gathered += data
        self._position += data.nbytes
        return data.nbytes

    def tell(self) -> int:
        """The position in the file, which the footer refers to."""
        return self._position

    def take(self) -> bytes:
        """What was gathered since the last time."""
        gathered = bytes(self._gathered)
        self._gathered.clear()
        return gathered
