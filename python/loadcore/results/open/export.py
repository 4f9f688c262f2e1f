"""Every request of a run as one CSV or Parquet file, read and written a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from loadcore.results.reader import stream
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


_PLAIN = pa.schema(
    [
        pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in REQUESTS
    ]
)
"""The columns, with words in place of the numbers of words: dictionaries grow from batch to batch."""


def write_csv(folder: Path, path: Path) -> int:
    """Write all rows as CSV with a heading; null is empty. Gives back their number.

    Raises:
        OSError: It cannot be written.
    """
    from pyarrow import csv  # noqa: PLC0415 - needed by this alone

    return _write(folder, path, csv.CSVWriter(str(_beside(path)), _PLAIN))


def write_parquet(folder: Path, path: Path) -> int:
    """Write all rows as Parquet, compressed with zstd. Gives back their number.

    Raises:
        OSError: It cannot be written.
    """
    from pyarrow import parquet  # noqa: PLC0415 - needed by this alone

    return _write(folder, path, parquet.ParquetWriter(str(_beside(path)), _PLAIN, compression="zstd"))


def _beside(path: Path) -> Path:
    """Where the file grows, so that one of its own name is whole."""
    return path.with_name(f".{path.name}.tmp")


def _write(folder: Path, path: Path, writer: _Writer) -> int:
    growing = _beside(path)
    rows = 0
    try:
        for batch in _batches(folder):
            writer.write_batch(batch)
            rows += batch.num_rows
        writer.close()
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)
    return rows


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    for path in RunFolder(folder).all_requests():
        for batch in stream(path, REQUESTS.names):
            columns = [_plain(batch, field) for field in _PLAIN]
            yield pa.record_batch(columns, schema=_PLAIN)


def _plain(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    """A column; nulls where a file of an earlier version does not have it."""
    if field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(field.name)
    return (
        column.dictionary_decode().cast(field.type) if pa.types.is_dictionary(column.type) else column.cast(field.type)
    )
