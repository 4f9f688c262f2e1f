"""Runs of known laws, simulated: how often the intervals of their percentiles hold the true one.

`python -m tests.unit.results.simulated RUNS` prints the table of `docs/concepts/uncertainty.md`.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loadcore.results.open import opening
from loadcore.results.reader import read
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.sum import summary
from loadcore.results.sum.batches import QUANTILES
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import DESCRIPTION, START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RATE = 150
SECOND = 1_000_000_000
_STEP = DESCRIPTION.steps[0]
Requests = list[tuple[float, float]]
"""When each was due and how long it took, in seconds."""


def _arrivals(draws: random.Random, seconds: float) -> Iterator[float]:
    at = draws.expovariate(RATE)
    while at < seconds:
        yield at
        at += draws.expovariate(RATE)


def independent(draws: random.Random, seconds: float) -> Requests:
    """Exponential times, each on its own."""
    return [(at, draws.expovariate(100)) for at in _arrivals(draws, seconds)]


def autocorrelated(draws: random.Random, seconds: float) -> Requests:
    """A level that wanders: an Ornstein-Uhlenbeck process with half a second of memory, in the logarithm."""
    level, before, requests = draws.gauss(0, 0.5), 0.0, []
    for at in _arrivals(draws, seconds):
        keeps = math.exp((before - at) / 0.5)
        level = keeps * level + draws.gauss(0, 0.5 * math.sqrt(1 - keeps * keeps))
        requests.append((at, 0.010 * math.exp(level + draws.gauss(0, 0.3))))
        before = at
    return requests


def queueing(draws: random.Random, seconds: float) -> Requests:
    """One server, four fifths busy."""
    free, requests = 0.0, []
    for at in _arrivals(draws, 10 + seconds):
        free = max(free, at) + draws.expovariate(RATE / 0.8)
        if at >= 10:
            requests.append((at - 10, free - at))
    return requests


def _stalling(draws: random.Random, seconds: float, starts: list[float], length: float) -> Requests:
    requests, place = [], 0
    for at in _arrivals(draws, seconds):
        while place + 1 < len(starts) and starts[place + 1] <= at:
            place += 1
        into = at - starts[place]
        wait = length - into if 0 <= into < length else 0.0
        requests.append((at, wait + draws.expovariate(200)))
    return requests


def stalls(draws: random.Random, seconds: float) -> Requests:
    """Nothing is answered for one second of each five."""
    first = draws.uniform(-5, 0)
    return _stalling(draws, seconds, [first + 5 * each for each in range(2 + int(seconds / 5))], 1.0)


def random_stalls(draws: random.Random, seconds: float) -> Requests:
    """Nothing is answered for 0.3 s, at random moments, each 3 s in the mean."""
    starts = [-3.0]
    while starts[-1] < seconds:
        starts.append(starts[-1] + 0.3 + draws.expovariate(1 / 2.7))
    return _stalling(draws, seconds, starts, 0.3)


LAWS: dict[str, Callable[[random.Random, float], Requests]] = {
    law.__name__: law for law in (independent, autocorrelated, queueing, stalls, random_stalls)
}


def truth(law: str) -> dict[str, float]:
    """The percentiles of a law, in nanoseconds, from an hour of it."""
    times = sorted(time for _, time in LAWS[law](random.Random(f"truth of {law}"), 3_600))
    return {name: times[math.ceil(quantile * len(times)) - 1] * 1e9 for name, quantile in QUANTILES.items()}


def summed(
    folder: Path,
    requests: Requests,
    seconds: int,
    rows: Requests | None = None,
    loads: dict[str, dict[str, Any]] | None = None,
    thresholds: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The summary of a run with these requests, by way of its files.

    Args:
        folder: Where the files are written.
        requests: What was measured.
        seconds: How long the run lasts.
        rows: Those that are in the row log, if that is not all.
        loads: The load models of the plan.
        thresholds: What the run is judged by.
    """
    scenario = DESCRIPTION.scenarios[0]._replace(planned_end_ns=seconds * SECOND)
    description = DESCRIPTION._replace(scenarios=(scenario,))
    start = replace(START, warm_up_ns=0, workers=1, description=description, loads=loads or {})
    start = replace(start, thresholds=list(thresholds))
    run = RunFolder(folder)
    _write(run.windows_segment(0), _windows(requests))
    _write(run.requests(0), _rows(requests if rows is None else rows))
    totals = opening.totals_for(start)
    for batch in read(run.windows_segment(0)).batches:
        totals.add(batch)
    end = RunEnd(ended_ns=(totals.last_second + 1) * SECOND, workers=(WorkerEnd(0, "finished"),))
    judged = evaluate_all(rules_of(start), Measured(totals, start, end.ended_ns))
    return summary.build(Parts(start, end, totals, judged, folder=run))


def _write(path: Path, batch: pa.RecordBatch) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _windows(requests: Requests) -> pa.RecordBatch:
    seconds: defaultdict[int, list[int]] = defaultdict(list)
    for at, time in requests:
        seconds[int(at + time)].append(max(1, round(time * 1e6)))
    about = {"worker": 0, "phase": "steady", "kind": "step", "scenario": _STEP.scenario, "name": _STEP.name}
    rows = []
    for second, times in sorted(seconds.items()):
        durations = encoded(times)
        rows.append(
            about
            | {"second": second, "section": "main", "method": "GET", "count": len(times), "attempts": len(times)}
            | {"outcomes": [{"name": "ok", "count": len(times)}], "statuses": [{"status": 200, "count": len(times)}]}
            | {"service": durations, "response": durations, "ttfb": durations}
        )
    return pa.RecordBatch.from_pylist(rows, schema=PLAIN)


def _rows(requests: Requests) -> pa.RecordBatch:
    times = [round(time * 1e9) for _, time in requests]
    ones = [1] * len(requests)

    def words(word: str) -> pa.Array:
        return pa.array([word] * len(requests)).dictionary_encode()

    return pa.RecordBatch.from_pydict(
        {
            "offset_ns": [round(at * 1e9) for at, _ in requests],
            "service_ns": times,
            "response_ns": times,
            "ttfb_ns": times,
            "scenario": words(_STEP.scenario),
            "step": words(_STEP.name),
            "phase": words("steady"),
            "outcome": words("ok"),
            "attempts": pa.array(ones, pa.uint8()),
        }
    )


@dataclass
class Coverage:
    """Of some runs: how many intervals there were, and what they held."""

    runs: int = 0
    closed: int = 0
    """Intervals with both ends."""
    held: int = 0
    """The true percentile lay in it; one that is open above holds all that is above its lower end."""
    held_closed: int = 0

    def see(self, interval: dict[str, Any] | None, true_ns: float) -> None:
        """Look at one more run."""
        assert interval is not None
        low, high = interval["low_ns"], interval["high_ns"]
        # A histogram tells times to a thousandth.
        holds = (low is None or low <= true_ns * 1.001) and (high is None or true_ns <= high * 1.001)
        both = low is not None and high is not None
        self.runs += 1
        self.held += holds
        self.closed += both
        self.held_closed += both and holds


def coverage(law: str, seconds: int, runs: int) -> dict[str, Coverage]:
    """How often the intervals of this many seeded runs hold the truth."""
    true_ns = truth(law)
    found = {name: Coverage() for name in QUANTILES}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            requests = LAWS[law](random.Random(f"{law} {run}"), seconds)
            intervals = summed(Path(folder), requests, seconds)["all"]["response"]["intervals"]
            for name, seen in found.items():
                seen.see(intervals[name], true_ns[name])
    return found


def main(runs: int) -> int:
    """Print the table; 1 if an interval holds the truth in less than 90 % of the runs."""
    bad = 0
    print(f"| distribution | length | {' | '.join(QUANTILES)} |\n|---|---|{'---|' * len(QUANTILES)}")  # noqa: T201
    for law in LAWS:
        for seconds in (8, 30, 60):
            found = coverage(law, seconds, runs)
            bad += any(seen.held < 0.9 * seen.runs for seen in found.values())
            cells = [f"{seen.held / seen.runs:.1%} ({seen.closed / seen.runs:.0%})" for seen in found.values()]
            print(f"| {law} | {seconds} s | {' | '.join(cells)} |", flush=True)  # noqa: T201
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
