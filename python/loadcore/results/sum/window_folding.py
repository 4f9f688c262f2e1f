"""Windows folded into fewer, longer ones: a run of a day has millions of rows, and a page draws six hundred moments.

What is counted adds up, histograms merge without a loss, and of levels the highest counts. All rows of a batch are
folded together, without Python between them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.engine import Histogram
from loadcore.results.write.plain_arrays import number, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loadcore.results.sum.tally import Row

_TOGETHER: Final = 16_384
"""Rows that are folded together, at least."""

_KEYS: Final = ("worker", "phase", "kind", "scenario", "section", "name", "method", "step")
_HIGHEST: Final = frozenset({"lag_max_ns", "open_fds"})
_GROUP: Final = "group"
"""A column that windows do not have."""


def fold(batch: pa.RecordBatch, spans: pa.Array) -> list[Row]:
    """The rows of some windows that lie in the same span and are about the same, as one row each.

    Args:
        batch: Windows, with those of their columns that add up: not `gaps`, `hints` and `error_times`.
        spans: For each row in which span it lies, as a whole number: `second` in the rows that are given back.

    Returns:
        Rows of the same columns. `windows` says of how many each was made.
    """
    group_of = groups_of([spans, *(batch.column(name) for name in _KEYS if name in batch.schema.names)])
    places = group_of.to_pylist()
    first: dict[int, int] = {}
    for row, group in enumerate(places):
        first.setdefault(group, row)
    heads = numbers(first.values())
    sizes = Counter(places)
    columns: dict[str, list[Any]] = {
        "second": spans.take(heads).to_pylist(),
        "windows": [sizes[each] for each in first],
    }
    summed: list[str] = []
    for name in batch.schema.names:
        column, kind = batch.column(name), batch.schema.field(name).type
        if name in _KEYS:
            columns[name] = column.take(heads).to_pylist()
        elif pa.types.is_binary(kind):
            columns[name] = Histogram.merge_encoded(column.to_pylist(), places, len(first))
        elif pa.types.is_list(kind):
            columns[name] = _merged_counts(column, group_of, len(first))
        elif name != "second":
            summed.append(name)
    columns |= _sums(batch, summed, group_of)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that are worth folding."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _TOGETHER:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows = [], 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def groups_of(columns: Iterable[pa.Array]) -> pa.Array:
    """For each row the number of its group: of the rows with the same values. Groups are numbered as they come."""
    group_of: pa.Array | None = None
    for column in columns:
        codes = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
        own = pc.fill_null(pc.add(codes.indices.cast(pa.int64()), number(1)), number(0))
        if group_of is not None:
            own = pc.add(pc.multiply(group_of, number(len(codes.dictionary) + 1)), own)
        group_of = pc.dictionary_encode(own).indices.cast(pa.int64())
    return group_of


def _sums(batch: pa.RecordBatch, names: Sequence[str], group_of: pa.Array) -> dict[str, list[Any]]:
    """Numbers by group: nothing where there was none."""
    if not names:
        return {}  # What groups rows takes a quarter of a second to import, which the end of a run must not wait for.
    how = [(name, "max" if name in _HIGHEST else "sum") for name in names]
    table = pa.Table.from_arrays([group_of, *(batch.column(name) for name in names)], names=[_GROUP, *names])
    found = table.group_by(_GROUP, use_threads=False).aggregate(how)
    # Not `sort_by`, which wakes Arrow's threads for it.
    found = found.take(pc.sort_indices(found.column(_GROUP)))
    return {name: found.column(f"{name}_{function}").to_pylist() for name, function in how}


def _merged_counts(column: pa.Array, group_of: pa.Array, groups: int) -> list[list[dict[str, Any]] | None]:
    """Lists of keys and their counts, added up by key."""
    key, count = (field.name for field in column.type.value_type)
    pairs = pc.list_flatten(column)
    of_pairs = [group_of.take(pc.list_parent_indices(column)), pc.struct_field(pairs, 0), pc.struct_field(pairs, 1)]
    table = pa.Table.from_arrays(of_pairs, names=[_GROUP, key, count])
    found = table.group_by([_GROUP, key], use_threads=False).aggregate([(count, "sum")])
    merged: list[list[dict[str, Any]] | None] = [None] * groups
    for row in found.to_pylist():
        entries = merged[row[_GROUP]] or []
        merged[row[_GROUP]] = [*entries, {key: row[key], count: row[f"{count}_sum"]}]
    return merged
