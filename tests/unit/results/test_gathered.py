"""Batches of many workers as few."""

from __future__ import annotations

import pyarrow as pa

from loadcore.results.write.gathered import joined, together


def batch(numbers: list[int], words: list[str], name: str = "word") -> pa.RecordBatch:
    """Numbers, and words with a dictionary of their own."""
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers, pa.int64()), pa.array(words).dictionary_encode()], names=["number", name]
    )


def stream(*batches: pa.RecordBatch) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for each in batches:
            writer.write_batch(each)
    return bytes(sink.getvalue())


def test_rows_stay_in_order_with_their_words() -> None:
    """Though each batch has other words in its dictionary, or the same ones in another order."""
    streams = [stream(batch([1, 2], ["a", "b"])), stream(batch([3], ["b"])), stream(batch([4, 5], ["c", "a"]))]
    (found,) = together(streams)
    assert found.to_pydict() == {"number": [1, 2, 3, 4, 5], "word": ["a", "b", "b", "c", "a"]}


def test_other_columns_make_another_batch() -> None:
    """Before and after it, in order."""
    batches = [batch([1], ["a"]), batch([2], ["b"]), batch([3], ["c"], "other"), batch([4], ["a"])]
    found = [each.column("number").to_pylist() for each in joined(batches)]
    assert found == [[1, 2], [3], [4]]


def test_nothing_stays_nothing() -> None:
    """No stream, no batch."""
    assert [*together([])] == []
