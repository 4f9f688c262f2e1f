"""Windows folded into longer ones say the same as before."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pytest

from loadcore.engine import Histogram
from loadcore.results.open.timeline import COLUMNS, TimelineReader
from loadcore.results.schema import WINDOWS
from loadcore.results.sum.tally import Tally
from loadcore.results.sum.window_folding import fold, gathered
from loadcore.results.write.plain_arrays import numbers
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded

SECONDS = 12
KEPT = (*COLUMNS, "lag_max_ns")


def windows(seed: int = 1) -> pa.RecordBatch:
    """Twelve seconds of two workers: two steps, one with errors, a check, a group, the scenario and the worker."""
    draws = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for second in range(SECONDS):
        for worker in (0, 1):
            about: dict[str, Any] = {"second": second, "worker": worker, "phase": "warm_up" if second < 4 else "steady"}
            for name in ("list", "buy"):
                count = draws.randrange(1, 9)
                bad = draws.randrange(count) if name == "buy" else 0
                row: dict[str, Any] = about | {
                    "kind": "step",
                    "scenario": "shop",
                    "section": "main",
                    "method": "GET",
                    "name": name,
                }
                row |= {"count": count, "attempts": count, "asked": count, "started": count, "answered": count}
                row |= {"errors": bad, "outcomes": [{"name": "ok", "count": count}], "connections": second % 3}
                row |= {"statuses": [{"status": 200, "count": count - bad}, {"status": 503, "count": bad}]}
                row |= {"error_statuses": [{"status": 503, "count": bad}] if bad else None}
                times = encoded([draws.randrange(1, 10**6) for _ in range(count)])
                row |= {"response": times, "service": times, "response_sum_ns": draws.randrange(10**9)}
                row |= {"ttfb": times if second % 2 else None, "delay_added": encoded([7]), "delay_taken": times}
                rows.append(row)
            rows.append(
                about | {"kind": "check", "scenario": "shop", "step": "buy", "name": "ok", "count": 3, "errors": 1}
            )
            rows.append(
                about | {"kind": "group", "scenario": "shop", "name": "g", "count": 2, "response": encoded([9])}
            )
            rows.append(about | {"kind": "scenario", "scenario": "shop", "users_active": 2 + second + worker})
            lag: dict[str, Any] = {
                "lag": encoded([30 + second]),
                "lag_max_ns": 1000 * second,
                "cpu_ns": 10**8,
                "wall_ns": 10**9,
            }
            rows.append(about | {"kind": "worker", "open_fds": 10 + second} | lag)
    return pa.RecordBatch.from_pylist(rows, schema=PLAIN).select(list(KEPT))


def told(rows: list[dict[str, Any]]) -> list[Any]:
    """What a tally of rows says."""
    tally = Tally()
    for row in rows:
        tally.add_row(row)
    parts = (tally.steps, tally.checks, tally.groups, tally.scenarios)
    return [{key: plain(value) for key, value in sorted(part.items())} for part in parts]


def plain(value: Any) -> dict[str, Any]:
    """A total that can be compared."""
    fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: each.buckets() if isinstance(each, Histogram) else each for name, each in fields.items()}


def as_written(batch: pa.RecordBatch) -> pa.RecordBatch:
    """With the dictionaries of a file."""
    schema = pa.schema([WINDOWS.field(name).with_nullable(nullable=True) for name in KEPT])
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)], schema=schema
    )


@pytest.mark.parametrize("width", [1, 5, 100])
@pytest.mark.parametrize("written", [False, True])
def test_folded_windows_add_up_to_the_same(width: int, *, written: bool) -> None:
    """Of whatever length, with and without dictionaries."""
    batch = as_written(windows()) if written else windows()
    spans = numbers(second // width for second in batch.column("second").to_pylist())
    rows = fold(batch, spans)
    assert len(rows) < batch.num_rows or width == 1
    assert sum(row["windows"] for row in rows) == batch.num_rows
    assert told(rows) == told(batch.to_pylist())
    highest = [(row["lag_max_ns"], row["open_fds"]) for row in rows if row["kind"] == "worker"]
    assert max(highest) == (11_000, 21)
    assert min(highest) == ((0, 10) if width == 1 else (3_000, 13))


def test_what_no_window_has_stays_unknown() -> None:
    """Nothing is not a zero."""
    batch = windows()
    rows = fold(batch, numbers([0] * batch.num_rows))
    (worker,) = {row["count"] for row in rows if row["kind"] == "worker"}
    assert worker is None
    assert all(row["outcomes"] is None and row["lag"] is not None for row in rows if row["kind"] == "worker")


def test_histograms_alone_need_no_query_engine() -> None:
    """The end of every run folds them: it must not wait for imports that only pages need."""
    program = """
import sys
import pyarrow as pa
from loadcore.results.sum.window_folding import fold
from loadcore.results.write.plain_arrays import numbers
batch = pa.RecordBatch.from_arrays([pa.array(["step", "step"]), pa.array(["a", "a"])], names=["kind", "name"])
assert len(fold(batch, numbers([0, 0]))) == 1
print(*{"pyarrow.acero", "pyarrow.dataset"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_damaged_histograms_are_refused() -> None:
    """As they are where single rows are read."""
    batch = windows()
    place = batch.schema.get_field_index("response")
    damaged = batch.set_column(place, "response", pa.array([b"damaged"] * batch.num_rows, pa.binary()))
    with pytest.raises(ValueError, match="histogram"):
        fold(damaged, numbers([0] * batch.num_rows))


def test_a_moment_of_many_windows_is_their_sum() -> None:
    """However the windows are cut into batches; users are those of the fullest second."""
    whole = windows()
    made = []
    for pieces in ([whole], [whole.slice(at, 7) for at in range(0, whole.num_rows, 7)]):
        reader = TimelineReader(5)
        for batch in gathered(pieces[:2]) if len(pieces) == 1 else pieces:
            reader.add(batch, SECONDS)
        made.append([asdict(moment) for moment in reader.timeline(SECONDS).moments])
    together, apart = made
    assert together == apart
    assert [moment["users"] for moment in together] == [2 * (2 + 4) + 1, 2 * (2 + 11) + 1]
    assert sum(moment["asked"] for moment in together) == sum(each or 0 for each in whole.column("asked").to_pylist())
    assert [moment["phase"] for moment in together] == ["warm_up", "steady"]
