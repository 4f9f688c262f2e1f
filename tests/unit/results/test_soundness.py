"""Rules about a whole run, by way of its files and its summary."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from loadcore.engine import ScenarioInfo, StepInfo
from loadcore.results.open import opening
from loadcore.results.run_facts import RunEnd, RunStart, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.sum import summary
from loadcore.results.sum.parts import Parts
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import DESCRIPTION, START
from tests.unit.results.simulated import LAWS, SECOND, summed
from tests.unit.results.test_totals import batch, step

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RATE = 500


def rules(document: dict[str, Any]) -> list[str]:
    """The names of those that spoke."""
    return [finding["rule"] for finding in document["findings"]]


# Little's law


def worked(in_flight_ns: int, flights_ns: int, worker: int = 0) -> pa.RecordBatch:
    """A second of a worker that counted this."""
    row = {"kind": "worker", "wall_ns": SECOND, "in_flight_ns": in_flight_ns, "flights_ns": flights_ns}
    return batch(2, step([10] * 100), row, worker=worker)


def ended(*windows: pa.RecordBatch, end: RunEnd | None = None) -> dict[str, Any]:
    """The summary of a run of two workers with these windows."""
    totals = opening.totals_for(START)
    for each in windows:
        totals.add(each)
    whole = RunEnd(ended_ns=3 * SECOND, workers=(WorkerEnd(0, "finished"), WorkerEnd(1, "finished")))
    return summary.build(Parts(START, end or whole, totals, []))


def test_records_that_are_lost_make_a_run_invalid() -> None:
    """A request that was sent and never recorded is in flight until the end."""
    document = ended(worked(SECOND, SECOND), worked(3 * SECOND, SECOND, worker=1))
    (found,) = [each for each in document["findings"] if each["rule"] == "littles_law"]
    assert found["workers"] == [1]
    assert document["exit_code"] == 111
    assert document["verdict"]["reasons"][0].startswith(
        "requests were lost or counted twice, or the clock jumped: worker"
    )
    assert "littles_law" not in rules(ended(worked(SECOND, SECOND), worked(SECOND, SECOND, worker=1)))


@pytest.mark.parametrize(
    "end",
    [
        RunEnd(3 * SECOND, (WorkerEnd(0, "finished"), WorkerEnd(1, "lost")), truncated=False),
        RunEnd(3 * SECOND, (WorkerEnd(0, "unknown"), WorkerEnd(1, "unknown")), truncated=True),
        RunEnd(3 * SECOND, (WorkerEnd(0, "unknown"), WorkerEnd(1, "unknown")), truncated=True, running=True),
    ],
    ids=["lost", "killed", "running"],
)
def test_what_is_in_flight_still_is_not_lost(end: RunEnd) -> None:
    """Of a lost worker, of a killed run, of one in progress."""
    assert "littles_law" not in rules(ended(worked(SECOND, SECOND), worked(3 * SECOND, SECOND, worker=1), end=end))


# Drift


@pytest.mark.parametrize("law", LAWS)
def test_steady_runs_are_not_called_drifting(tmp_path: Path, law: str) -> None:
    """Of ten runs of each law none, by way of their windows; how often it is in more runs, the rule's own tests say."""
    loads = {"shop": {"kind": "users", "users": 5, "duration_ns": 30 * SECOND}}
    for seed in range(10):
        document = summed(tmp_path, LAWS[law](random.Random(f"{law} steady {seed}"), 30), 30, loads=loads)
        assert "drift" not in rules(document)


def _rising(seconds: int) -> list[tuple[float, float]]:
    draws = random.Random(9)
    return [(at / 50, (0.012 + 0.008 * at / 50 / seconds) * draws.uniform(0.9, 1.1)) for at in range(50 * seconds)]


def test_a_median_that_rises_is_noted(tmp_path: Path) -> None:
    """And nothing fails by it."""
    loads = {"shop": {"kind": "users", "users": 5, "duration_ns": 30 * SECOND}}
    document = summed(tmp_path, _rising(30), 30, loads=loads)
    (found,) = [each for each in document["findings"] if each["rule"] == "drift"]
    assert found["message"] == "p50 rose from 14.0 ms to 18.3 ms over the steady phase: not a steady state"
    assert (document["exit_code"], document["verdict"]["status"]) == (0, "pass")


@pytest.mark.parametrize(
    "load",
    [
        {"kind": "user_stages", "start": 1, "stages": [{"users": 50, "duration_ns": 30 * SECOND}]},
        {"kind": "users", "users": 5, "duration_ns": 20 * SECOND},
        {"kind": "iterations", "users": 5, "iterations": 100, "max_duration_ns": 30 * SECOND},
    ],
    ids=["stages", "started later", "ends with its iterations"],
)
def test_a_plan_that_changes_the_load_does_not_drift(tmp_path: Path, load: dict[str, Any]) -> None:
    """Its times may rise: that is what it asks."""
    assert "drift" not in rules(summed(tmp_path, _rising(30), 30, loads={"shop": load}))


# The law of arrivals

POISSON = {
    "kind": "arrival_rate",
    "rate": {"count": RATE, "per_ns": SECOND},
    "duration_ns": 10 * SECOND,
    "max_users": 100,
    "arrivals": "poisson",
}


def planned(**changes: Any) -> RunStart:
    """A run of two workers with an open model of one step."""
    description = DESCRIPTION._replace(
        steps=(StepInfo("shop", "GET /items", "GET", "main"),),
        checks=(),
        groups=(),
        scenarios=(ScenarioInfo("shop", "open", 10 * SECOND, 10 * RATE, 100),),
    )
    return replace(START, warm_up_ns=SECOND, workers=2, description=description, loads={"shop": POISSON | changes})


def arrivals(start: RunStart, folder: RunFolder, sends: Iterable[tuple[int, int, int]]) -> list[dict[str, Any]]:
    """What the rule says of a run with these requests: due, what it took to connect, and the lag besides."""
    rows: dict[int, list[dict[str, Any]]] = {0: [], 1: []}
    for place, (due, connect, lag) in enumerate(sends):
        row: dict[str, Any] = {"offset_ns": due, "lag_ns": lag + connect, "dns_ns": None, "connect_ns": connect or None}
        row |= {"tls_ns": None, "scenario": "shop", "step": "GET /items", "attempts": 1}
        rows[place % 2].append(row | {"user": place % 100, "iteration": place // 100})
    word, schema = pa.dictionary(pa.int32(), pa.utf8()), pa.schema([("scenario", pa.utf8()), ("step", pa.utf8())])
    for worker, found in rows.items():
        plain = pa.RecordBatch.from_pylist(found)
        columns = [
            plain.column(name).dictionary_encode() if name in schema.names else plain.column(name)
            for name in plain.schema.names
        ]
        columns = [column.cast(pa.int64()) if column.type == pa.null() else column for column in columns]
        table = pa.RecordBatch.from_arrays(columns, names=plain.schema.names)
        assert table.column("scenario").type == word
        with pa.OSFile(str(folder.requests(worker)), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_batch(table)
    totals = opening.totals_for(start)
    counts = {"kind": "scenario", "scenario": "shop", "name": "shop", "iterations_due": 10, "iterations_started": 10}
    totals.add(pa.RecordBatch.from_pylist([{"second": 2, "worker": 0, "phase": "steady"} | counts], schema=PLAIN))
    document = summary.build(Parts(start, RunEnd(10 * SECOND), totals, [], folder=folder))
    return [each for each in document["findings"] if each["rule"] == "arrival_law"]


def poisson(seed: int, rate: int = RATE) -> list[int]:
    """When arrivals are due, in ten seconds."""
    draws, at, found = random.Random(seed), 0.0, []
    while (at := at + draws.expovariate(rate)) < 10:
        found.append(round(at * SECOND))
    return found


@pytest.mark.parametrize("rate", [50, 500, 3_000])
def test_arrivals_of_the_plan_are_not_blamed(tmp_path: Path, rate: int) -> None:
    """Of two workers together, each of which has every other one; opened connections are not a fault."""
    start = planned(rate={"count": rate, "per_ns": SECOND})
    for seed in range(5):
        sends = [(due, 30_000_000 if place % 5 == 0 else 0, 50_000) for place, due in enumerate(poisson(seed, rate))]
        assert arrivals(start, RunFolder(tmp_path), sends) == []


def _held_up(due: int) -> int:
    """How long it waits for the next turn, where turns take 20 ms."""
    return 20_000_000 - due % 20_000_000


def test_sends_in_turns_are_another_law(tmp_path: Path) -> None:
    """The schedule was exponential, what was sent was not."""
    (found,) = arrivals(planned(), RunFolder(tmp_path), [(due, 0, _held_up(due)) for due in poisson(1)])
    assert (found["subject"], found["severity"], found["scenario"]) == ("client", "suspect", "shop")


@pytest.mark.parametrize("changes", [{"arrivals": "even"}, {"kind": "arrival_stages", "stages": [], "start": 1}])
def test_plans_without_a_constant_law_are_not_judged_by_it(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Even arrivals are not exponential, and need not be."""
    sends = [(due, 0, _held_up(due)) for due in poisson(1)]
    assert arrivals(planned(**changes), RunFolder(tmp_path), sends) == []


def test_arrivals_after_a_login_are_not_judged(tmp_path: Path) -> None:
    """When they are sent is the target's doing."""
    start = planned()
    steps = (*start.description.steps, StepInfo("shop", "login", "POST", "start"))
    start = replace(start, description=start.description._replace(steps=steps))
    assert arrivals(start, RunFolder(tmp_path), [(due, 0, _held_up(due)) for due in poisson(1)]) == []


# On time


@pytest.mark.parametrize(
    ("service_ms", "late_us", "expected"),
    [(5, [50, 90, 150, 200], 0.5), (100, [50, 90, 950, 1_100], 0.75), (5, [10, 20, 30, 40], 1.0)],
)
def test_requests_that_were_sent_on_time_are_told(service_ms: int, late_us: list[int], expected: float) -> None:
    """100 µs late at most, or 1 % of the median service time; of open models only, which have a schedule."""
    totals = opening.totals_for(planned())
    worker = {"kind": "worker", "wall_ns": SECOND, "lag": encoded(late_us), "lag_max_ns": 1_000 * max(late_us)}
    totals.add(batch(2, step([service_ms] * 4), worker))
    end = RunEnd(3 * SECOND, (WorkerEnd(0, "finished"), WorkerEnd(1, "finished")))
    assert summary.build(Parts(planned(), end, totals, []))["client"]["on_time"] == expected
    assert summary.build(Parts(START, end, totals, []))["client"]["on_time"] is None
