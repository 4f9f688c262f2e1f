"""Batches of many workers as few: what is done once for each batch costs more than its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def together(streams: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of Arrow IPC streams, in their order, in as few batches as their columns allow."""
    return joined(_read(streams))


def joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, in their order, in as few batches as their columns allow."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if waiting and batch.schema != waiting[0].schema:
            yield _one(waiting)
            waiting = []
        waiting.append(batch)
    if waiting:
        yield _one(waiting)


def _read(streams: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
    for stream in streams:
        with pa.ipc.open_stream(stream) as reader:
            yield from reader


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]
