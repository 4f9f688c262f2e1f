"""What the page of a long run weighs, and how long it takes to build: `python -m benches.report_page [--hours N]`.

The windows are those of an hour of random times, again and again.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from benches import results
from loadcore.engine import Description, ScenarioInfo, StepInfo
from loadcore.report.html.history import History
from loadcore.report.html.page import page_of
from loadcore.results.open.opening import totals_of
from loadcore.results.open.timeline import read_timeline
from loadcore.results.run_facts import RunEnd, RunStart, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.sum import many_windows, summary
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import rules_of
from loadcore.results.sum.totals import Totals
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MINUTE_S = 60
_MINUTES = 60
"""Different ones."""
MOST_BYTES = 250_000
"""What a page may weigh."""
_PAIRED_MINUTES, _PAIRS = 10, 5
_REQUESTS = 40
"""Of a step in a second."""


@dataclass(frozen=True)
class Built:
    """What was measured of one page."""

    hours: float
    steps: int
    rows: int
    page_bytes: int
    packed_bytes: int
    seconds: float
    summary_s: float
    totals_s: float
    by_row: float
    """What adding the windows up takes row by row, of what it takes at once."""
    peak_bytes: int


def start_of(seconds: int, steps: int) -> RunStart:
    """What was started."""
    names = tuple(StepInfo("shop", f"GET /section-{place}/items", "GET", "main") for place in range(steps))
    scenario = ScenarioInfo("shop", "closed", seconds * 1_000_000_000, None, 50)
    return RunStart(
        run_id="01JD9K3V7Q0000000000000000",
        name="shop.py",
        started_at="2026-11-24T06:00:00.000000+00:00",
        wall_start_us=1_795_500_000_000_000,
        seed=7,
        plan_sha256="ab" * 32,
        workers=1,
        warm_up_ns=0,
        description=Description(names, (), (), (scenario,), 50),
        base_urls={"shop": "http://127.0.0.1:8080"},
        thresholds=[
            {"expression": each, "scenario": None, "step": None}
            for each in ("errors.rate < 1%", "response.p95 < 250ms")
        ],
    )


def minute(steps: int, number: int) -> pa.RecordBatch:
    """Windows of a minute."""
    draws = random.Random(number)
    rows = [row for second in range(_MINUTE_S) for row in _second(second, steps, draws)]
    return pa.RecordBatch.from_pylist(rows, schema=PLAIN)


def _second(second: int, steps: int, draws: random.Random) -> Iterator[dict[str, Any]]:
    about = {"second": second, "phase": "steady", "worker": 0}
    for place in range(steps):
        times = encoded([round(draws.lognormvariate(9 + place / 20, 0.5)) for _ in range(_REQUESTS)])
        yield (
            about
            | {
                "kind": "step",
                "scenario": "shop",
                "section": "main",
                "method": "GET",
                "name": f"GET /section-{place}/items",
            }
            | {"count": _REQUESTS, "attempts": _REQUESTS, "asked": _REQUESTS, "started": _REQUESTS}
            | {"answered": _REQUESTS, "outcomes": [{"name": "ok", "count": _REQUESTS}], "errors": 0}
            | {"statuses": [{"status": 200, "count": _REQUESTS}], "service": times, "response": times, "ttfb": times}
        )
    yield about | {"kind": "scenario", "scenario": "shop", "users_active": 50}
    lag = encoded([30] * _REQUESTS)
    yield about | {
        "kind": "worker",
        "lag": lag,
        "lag_max_ns": 40_000,
        "cpu_ns": 10**8,
        "wall_ns": 10**9,
        "open_fds": 60,
    }


def build(hours: float, steps: int, path: Path) -> Built:
    """Make a run folder, build its page, and measure that."""
    seconds = max(_MINUTE_S, round(hours * 3600 / _MINUTE_S) * _MINUTE_S)
    folder, start = RunFolder(path), start_of(seconds, steps)
    minutes = [minute(steps, number) for number in range(min(_MINUTES, seconds // _MINUTE_S))]
    batch = minutes[0]
    place = batch.schema.get_field_index("second")
    with pa.OSFile(str(folder.windows_segment(0)), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        for number in range(seconds // _MINUTE_S):
            batch = minutes[number % len(minutes)]
            moved = pa.array([value + number * _MINUTE_S for value in batch.column(place).to_pylist()], pa.int32())
            writer.write_batch(batch.set_column(place, "second", moved))
    began = time.process_time()
    totals = totals_of(folder, start)
    totals_s = time.process_time() - began
    end = RunEnd(ended_ns=seconds * 1_000_000_000, workers=(WorkerEnd(0, "finished"),))
    began = time.process_time()
    document = json.loads(json.dumps(summary.build(Parts(start, end, totals, [], folder=folder))))
    summary_s = time.process_time() - began
    began = time.process_time()
    timeline = read_timeline(folder, document["duration_s"], start, rules_of(start))
    page = page_of(History(document, timeline, start))
    took_s = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    packed = page.index('id="data">'), page.index("</script>", page.index('id="data">'))
    rows = batch.num_rows * (seconds // _MINUTE_S)
    sizes = len(page.encode()), packed[1] - packed[0]
    return Built(hours, steps, rows, *sizes, took_s, summary_s, totals_s, by_row(minutes), peak)


def by_row(minutes: Sequence[pa.RecordBatch]) -> float:
    """How many times the CPU it takes to add windows up row by row, of what it takes at once: a median of pairs."""
    batch = pa.Table.from_batches(minutes[:_PAIRED_MINUTES]).combine_chunks().to_batches()[0]
    found = []
    for _ in range(_PAIRS):
        at_once, row_by_row = (_added_s(batch, many) for many in (0, sys.maxsize))
        found.append(row_by_row / at_once)
    return statistics.median(found)


def _added_s(batch: pa.RecordBatch, many: int) -> float:
    """CPU to add windows up: at once from this many on."""
    usual, many_windows.MANY = many_windows.MANY, many
    began = time.process_time()
    Totals().add(batch)
    took_s = time.process_time() - began
    many_windows.MANY = usual
    return took_s


def page(found: Sequence[Built]) -> str:
    """The section of the page of results."""
    rows = [
        [
            f"{each.hours * 60:,.0f} min x {each.steps} steps",
            f"{each.rows:,}",
            f"{each.page_bytes / 1000:.0f} kB",
            f"{each.packed_bytes / 1000:.0f} kB",
            f"{each.seconds:.1f} s",
            f"{each.summary_s:.1f} s",
            f"{each.totals_s:.1f} s",
            f"{each.by_row:.1f}",
            f"{each.peak_bytes / 1e6:.0f} MB",
        ]
        for each in found
    ]
    table = results.Table(
        [
            *("run", "windows", "page", "of it data", "CPU to build it", "CPU for its intervals"),
            *("CPU to add it up", "times that row by row", "peak memory"),
        ],
        rows,
    )
    return f"## The page of a run\n\nOne worker, 40 requests of each step a second.\n\n{table.markdown()}"


def main() -> int:
    """Build the page of a usual run and of a long one; 1 if the usual one is too heavy."""
    parser = argparse.ArgumentParser(prog="python -m benches.report_page", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    found = []
    for hours, steps in ((1 / 6, 10), (arguments.hours, arguments.steps)):
        with tempfile.TemporaryDirectory() as path:
            found.append(build(hours, steps, Path(path)))
    results.keep("report_page", [asdict(each) for each in found], page(found))
    return 0 if all(each.page_bytes < MOST_BYTES for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
