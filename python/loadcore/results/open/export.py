"""Every request of a run as one CSV or Parquet file, read and written a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

from loadcore.results.reader import schema_of, stream
from loadcore.results.run_folder import RunFolder, is_written_into, open_to_write
from loadcore.results.schema import REQUESTS, TRACE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
_TRACED = _PLAIN.append(TRACE_ID)
"""Those of a run that traces requests."""


def write_csv(folder: Path, path: Path) -> int:
    """Write all rows as CSV with a heading; null is empty. Gives back their number.

    Raises:
        OSError: It cannot be written.
    """
    from pyarrow import csv  # noqa: PLC0415 - needed by this alone

    return _write(folder, path, csv.CSVWriter)


def write_parquet(folder: Path, path: Path) -> int:
    """Write all rows as Parquet, compressed with zstd. Gives back their number.

    Raises:
        OSError: It cannot be written.
    """
    from pyarrow import parquet  # noqa: PLC0415 - needed by this alone

    return _write(folder, path, lambda file, schema: parquet.ParquetWriter(file, schema, compression="zstd"))


def _beside(path: Path) -> Path:
    """Where the file grows, so that one of its own name is whole."""
    return path if is_written_into(path) else path.with_name(f".{path.name}.tmp")


def _write(folder: Path, path: Path, open_writer: Callable[[BinaryIO, pa.Schema], _Writer]) -> int:
    growing = _beside(path)
    schema = _columns_of(folder)
    rows = 0
    try:
        # Given a file of Python's, Arrow counts what it writes; one of its own asks where it is, which no pipe knows.
        with open_to_write(growing) as file:
            writer = open_writer(file, schema)
            for batch in _batches(folder, schema):
                writer.write_batch(batch)
                rows += batch.num_rows
            writer.close()
        if growing != path:
            growing.replace(path)
    finally:
        if growing != path:
            growing.unlink(missing_ok=True)
    return rows


def _columns_of(folder: Path) -> pa.Schema:
    """The columns of a run's rows."""
    schemas = [schema_of(path) for path in RunFolder(folder).all_requests()]
    return _TRACED if any(TRACE_ID.name in schema.names for schema in schemas if schema is not None) else _PLAIN


def _batches(folder: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in RunFolder(folder).all_requests():
        for batch in stream(path, schema.names):
            yield pa.record_batch([_plain(batch, field) for field in schema], schema=schema)


def _plain(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    """A column; nulls where a file of an earlier version does not have it."""
    if field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(field.name)
    return (
        column.dictionary_decode().cast(field.type) if pa.types.is_dictionary(column.type) else column.cast(field.type)
    )
