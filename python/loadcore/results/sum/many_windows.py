"""Many windows at once, as a run that is opened has them: reduced to few rows before Python looks at any.

What only adds up is folded over the whole batch. What is judged second by second gets one row for all steps of a
second. Added up, these say the same as the windows themselves.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.engine import Histogram
from loadcore.results.schema import MACHINE
from loadcore.results.sum.tally import MAIN
from loadcore.results.sum.window_folding import fold, groups_of
from loadcore.results.write.plain_arrays import number, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from loadcore.results.sum.tally import Row

MANY = 4_096
"""Rows that are worth it: what groups them takes as long to import as half of these take to add one by one."""

_SUMMED: Final = ("step", "check", "group", "scenario")
_OF_ERRORS: Final = ("scenario", "section", "name", "phase")
_KEYS: Final = ("worker", "phase", "kind", "scenario", "section", "name", "method", "step")
_COUNTS: Final = ("outcomes", "statuses", "error_statuses")
_BY_SECOND: Final = ("asked", "outcomes", "statuses", "service_sum_ns", "service", "response")
"""What is looked at of the steps of each second."""
_FIRST_ERROR: Final = 400
_OPEN_S: Final = 8
"""For this many seconds before the newest, steps stay apart: more of them is to come."""


class Errors(NamedTuple):
    """Errors of one kind.

    Attributes:
        kind: Scenario, section, step, phase, outcome (empty: the status was the error), status (0: the outcome was).
        number: How many.
        first_s: The second of the first.
        last_s: That of the last.
    """

    kind: tuple[str, str, str, str, str, int]
    number: int
    first_s: int
    last_s: int


def of_workers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Those without what is about the machine."""
    return batch.filter(_is_of_worker(batch))


def summed(batch: pa.RecordBatch) -> list[Row]:
    """Windows of steps, checks, groups and scenarios, those about the same as one row, whose `second` means nothing."""
    rows = batch.filter(_is_one_of(batch, "kind", _SUMMED))
    adds_up = [
        field.name
        for field in rows.schema
        if field.name in {*_KEYS, *_COUNTS} or pa.types.is_integer(field.type) or pa.types.is_binary(field.type)
    ]
    found = _whole(batch, fold(_told(rows.select(adds_up)), numbers([0] * rows.num_rows)))
    exemplars = _exemplars(rows)
    for row in found if exemplars else ():
        row["exemplars"] = exemplars.get(_key(row))
    return found


def errors(batch: pa.RecordBatch, but: Collection[str]) -> list[Errors]:
    """What went wrong in steps, in the order in which each kind came first.

    Args:
        batch: Windows.
        but: Outcomes that are not errors.
    """
    steps = batch.filter(_is_one_of(batch, "kind", ("step",)))
    outcomes, statuses = steps.column("outcomes"), steps.column("error_statuses")
    named = pc.list_flatten(outcomes)
    wrong = pc.invert(pc.is_in(pc.struct_field(named, 0), value_set=texts([*but])))
    parents = pc.list_parent_indices(outcomes)
    found = [
        *_errors(steps, parents.filter(wrong), named.filter(wrong)),
        *_errors(steps, pc.list_parent_indices(statuses), pc.list_flatten(statuses)),
    ]
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def of_target(batch: pa.RecordBatch) -> list[Row]:
    """What is asked about the target of a run as a whole: by step times to connect and hints, and times of errors."""
    steps = batch.filter(_is_main(batch))
    connects = fold(steps.select(["second", "name", "connect", "lost_on_new"]), numbers([0] * steps.num_rows))
    hints, error_times = _hints(steps), _error_times(steps)
    rows = [row | {"hints": hints.pop(row["name"], None), "error_times": None} for row in connects]
    return [*rows, {"name": None, "connect": None, "lost_on_new": None, "hints": None, "error_times": error_times}]


def by_second(batch: pa.RecordBatch, failed: Collection[str]) -> Iterator[tuple[int, int, list[Row]]]:
    """By second and worker, as they come: rows of the machine, of workers and of scenarios, and one for all steps.

    Args:
        batch: Windows.
        failed: Steps that stay apart, as do those that got an error status in the batch.
    """
    place_of = _places(batch)
    others = pc.or_(pc.invert(_is_of_worker(batch)), _is_one_of(batch, "kind", ("scenario", "worker")))
    rows_of: defaultdict[int, list[Row]] = defaultdict(list)
    for place, row in zip(place_of.filter(others).to_pylist(), _rows(batch, batch.filter(others)), strict=True):
        rows_of[place].append(row)
    for place, row in _steps(batch, place_of, failed):
        rows_of[place].append(row)
    heads = zip(place_of.to_pylist(), *(batch.column(name).to_pylist() for name in ("second", "worker")), strict=True)
    for place, (second, worker) in {place: head for place, *head in heads}.items():
        rows = rows_of[place]
        for row in rows:
            row["second"] = second
        yield second, worker, rows


def newest(batch: pa.RecordBatch, first_s: int) -> list[Row]:
    """The windows of seconds from this one on, without those about workers."""
    late = pc.greater_equal(batch.column("second"), number(first_s))
    return _rows(batch, batch.filter(pc.and_(late, pc.invert(_is_one_of(batch, "kind", ("worker",))))))


def _errors(steps: pa.RecordBatch, parents: pa.Array, pairs: pa.Array) -> Iterator[tuple[int, Errors]]:
    """Errors and in which row each came first, of pairs of what went wrong and how often, and the rows of these."""
    group_of = groups_of(steps.column(name) for name in _OF_ERRORS)
    columns = [
        group_of.take(parents),
        *(pc.struct_field(pairs, place) for place in (0, 1)),
        steps.column("second").take(parents),
        parents,
    ]
    table = pa.Table.from_arrays(columns, names=["group", "what", "count", "second", "row"])
    how = [("count", "sum"), ("second", "min"), ("second", "max"), ("row", "min")]
    found = table.group_by(["group", "what"], use_threads=False).aggregate(how)
    steps = steps.select(list(_OF_ERRORS)).take(found.column("row_min").combine_chunks())
    for row, step in zip(found.to_pylist(), steps.to_pylist(), strict=True):
        outcome, status = (row["what"], 0) if isinstance(row["what"], str) else ("", row["what"])
        where = (step[name] for name in _OF_ERRORS)
        kind = (*where, outcome, status)
        yield row["row_min"], Errors(kind, row["count_sum"], row["second_min"], row["second_max"])


def _steps(batch: pa.RecordBatch, place_of: pa.Array, failed: Collection[str]) -> Iterator[tuple[int, Row]]:
    """The steps of each place, as one row but for those that stay apart."""
    is_main = _is_main(batch)
    steps = batch.filter(is_main)
    if not steps.num_rows:
        return
    names, seconds = _words(steps, "name"), steps.column("second")
    open_s = pc.max(seconds).as_py() - _OPEN_S
    bad = names.take(pc.list_parent_indices(steps.column("statuses")).filter(_is_error(steps))).unique()
    known = pc.or_(pc.is_in(names, value_set=texts([*failed])), pc.is_in(names, value_set=bad))
    apart = pc.or_(known, pc.greater(seconds, number(open_s)))
    names = pc.if_else(apart, names, pa.nulls(1, pa.utf8())[0])
    steps = steps.set_column(steps.schema.get_field_index("name"), "name", names)
    kept = steps.select(["second", "worker", "phase", "kind", "scenario", "section", "name", *_BY_SECOND])
    for row in _whole(batch, fold(kept, place_of.filter(is_main))):
        yield row["second"], row


def _is_error(steps: pa.RecordBatch) -> pa.Array:
    """Which of the statuses of all rows are errors."""
    statuses = pc.struct_field(pc.list_flatten(steps.column("statuses")), 0)
    return pc.greater_equal(statuses, number(_FIRST_ERROR))


def _exemplars(rows: pa.RecordBatch) -> dict[tuple[Any, ...], list[Any]]:
    """The requests that have a trace, by what their windows are about. Files of earlier versions have none."""
    found: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    if "exemplars" in rows.schema.names:
        traced = rows.filter(pc.is_valid(rows.column("exemplars")))
        for row in traced.select([*_KEYS, "exemplars"]).to_pylist():
            found[_key(row)] += row["exemplars"]
    return found


def _hints(steps: pa.RecordBatch) -> dict[str, list[Row]]:
    """Hints of the target by step, added up."""
    column = steps.column("hints")
    parts = pc.list_flatten(column).flatten()
    sums = ["count", "sum_ns", "ttfb_sum_ns"]
    table = pa.Table.from_arrays(
        [_words(steps, "name").take(pc.list_parent_indices(column)), *parts], names=["step", "name", *sums]
    )
    found = table.group_by(["step", "name"], use_threads=False).aggregate([(each, "sum") for each in sums])
    hints: defaultdict[str, list[Row]] = defaultdict(list)
    for row in found.to_pylist():
        hints[row["step"]].append({"name": row["name"], **{each: row[f"{each}_sum"] for each in sums}})
    return hints


def _error_times(steps: pa.RecordBatch) -> list[Row]:
    """By error status the service times of all steps."""
    statuses, times = pc.list_flatten(steps.column("error_times")).flatten()
    codes = pc.dictionary_encode(statuses)
    found = codes.dictionary.to_pylist()
    merged = Histogram.merge_encoded(times.to_pylist(), codes.indices.to_pylist(), len(found))
    return [{"status": status, "service": service} for status, service in zip(found, merged, strict=True)]


def _places(batch: pa.RecordBatch) -> pa.Array:
    """For each row how many times second or worker changed before it."""
    before, after = batch.slice(0, batch.num_rows - 1), batch.slice(1)
    differs = [pc.not_equal(before.column(name), after.column(name)) for name in ("second", "worker")]
    changed = pc.or_(*differs)
    return pa.concat_arrays([numbers([0]), pc.cumulative_sum(changed.cast(pa.int64()))])


def _is_of_worker(batch: pa.RecordBatch) -> pa.Array:
    return pc.greater(batch.column("worker"), number(MACHINE))


def _is_main(batch: pa.RecordBatch) -> pa.Array:
    """Which rows are of steps that headline numbers come from."""
    steps = pc.and_(_is_one_of(batch, "kind", ("step",)), _is_one_of(batch, "section", (MAIN,)))
    return pc.and_(steps, _is_of_worker(batch))


def _is_one_of(batch: pa.RecordBatch, name: str, words: Collection[str]) -> pa.Array:
    return pc.is_in(_words(batch, name), value_set=texts([*words]))


def _words(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of words without its dictionary, if it has one."""
    return batch.column(name).cast(pa.utf8())


def _told(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without the columns that say nothing."""
    return batch.select([name for name in batch.schema.names if batch.column(name).null_count < batch.num_rows])


def _rows(whole: pa.RecordBatch, part: pa.RecordBatch) -> list[Row]:
    """A part as Python values."""
    return _whole(whole, _told(part).to_pylist())


def _whole(batch: pa.RecordBatch, rows: list[Row]) -> list[Row]:
    """With all columns that the batch has."""
    nothing: Row = dict.fromkeys(batch.schema.names)
    return [nothing | row for row in rows]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEYS)
