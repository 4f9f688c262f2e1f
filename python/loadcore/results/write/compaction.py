"""Gathering a file of many small batches into few.

During a run every second is written at once, so that a killed run keeps what it had. A batch of few rows costs
some kilobytes for the description of its columns, though, which is more than its content. Once the file is sealed it
is written again in few batches, beside itself, and takes the place of the first by rename.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from loadcore.results.write.table_encoder import TableEncoder
from loadcore.results.write.writer import ArrowFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadcore.results.run_facts import FileFacts

ROWS_TOGETHER = 16_384
"""Rows of a gathered batch, but for the last."""


def gather(path: Path, facts: FileFacts) -> FileFacts:
    """Write a sealed file again in few batches; what it is then. If that cannot be done it stays as it was."""
    partial = path.with_suffix(".partial")
    try:
        partial.unlink(missing_ok=True)
        with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as reader:
            file = ArrowFile(partial, TableEncoder(reader.schema))
            for batch in _gathered(reader):
                file.write(batch)
        gathered = file.seal()
        if gathered.sealed and gathered.rows == facts.rows:
            partial.replace(path)
            return replace(gathered, name=path.name)
    except (OSError, pa.ArrowException):
        pass  # The existing file is complete: this only concerned its size.
    partial.unlink(missing_ok=True)
    return facts


def _gathered(reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    """The same rows in the same order."""
    waiting: list[pa.RecordBatch] = []
    for number in range(reader.num_record_batches):
        waiting.append(reader.get_batch(number))
        if sum(batch.num_rows for batch in waiting) >= ROWS_TOGETHER:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches() or [batches[0]]
    return batch
