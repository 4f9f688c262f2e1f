"""What the engine did, what its rows say and what its windows say is the same."""

from __future__ import annotations

import gc
import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from loadcore import _core  # noqa: TID251 - the module under test
from tests.contract.counting_server import counting_server
from tests.contract.plans import SECOND, plan

ITERATIONS = 150
HOME = {"kind": "request", "name": "home", "method": "GET", "url": "/"}
MISSING = {"kind": "request", "name": "missing", "method": "GET", "url": "/missing"}
SAYS_HELLO = {"name": "says hello", "claim": {"kind": "contains", "text": "hello"}}
SAYS_BYE = {"name": "says hello", "claim": {"kind": "contains", "text": "bye"}}


def run(plan_json: str, share: int = 0, shares: int = 1) -> tuple[pa.Table, list[dict[str, Any]], dict[str, Any]]:
    """Run a plan to its end: its rows as a table, its windows as dicts, and how it ended."""
    engine = _core.Engine(plan_json, share, shares)
    rows, windows = map(list, ([pa.record_batch(engine.empty_batches()[0])], []))
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    while True:
        event = engine.next_event(20_000)
        assert event is not None, "the engine neither ended nor said anything for twenty seconds"
        kind, content = event
        if kind == "end":
            return pa.Table.from_batches(rows), windows, json.loads(str(content))
        if kind == "rows":
            rows.append(pa.record_batch(content))
        elif kind == "windows":
            windows.extend(pa.record_batch(content).to_pylist())


def test_rows_and_windows_have_the_traces_that_the_target_got() -> None:
    """The ids in full; they begin with the second of the start."""
    plan_json = json.loads(plan("", [HOME], load=iterations()))
    plan_json["http"]["trace_sample"] = 0.5
    with counting_server() as server:
        plan_json["scenarios"][0]["base_url"] = server.url
        rows, windows, _ = run(json.dumps(plan_json))
    traces = {header.split("-")[1]: header.split("-")[2] for header in server.traceparents}
    found = [each for each in rows["trace_id"].to_pylist() if each is not None]
    assert sorted(found) == sorted(traces)
    assert ITERATIONS / 4 < len(found) < ITERATIONS * 3 / 4
    (began,) = {int(each[:8], 16) for each in found}
    assert abs(began - time.time()) < 3_600
    exemplars = [each for row in windows for each in row["exemplars"] or ()]
    assert exemplars
    assert all(traces[each["trace_id"]] == each["span_id"] for each in exemplars)


def threads() -> int:
    """How many threads this process has, Rust's included."""
    return len(list(Path("/proc/self/task").iterdir()))


def iterations(count: int = ITERATIONS) -> dict[str, Any]:
    """A load of this many iterations by three users."""
    return {"kind": "iterations", "users": 3, "iterations": count, "scope": "shared", "max_duration_ns": 30 * SECOND}


def total(windows: list[dict[str, Any]], column: str, kind: str = "step", **where: str) -> int:
    """The sum of a column over the windows of a kind."""
    return sum(row[column] or 0 for row in windows if row["kind"] == kind and where.items() <= row.items())


def merged(windows: list[dict[str, Any]], column: str) -> _core.Histogram:
    """The histograms of a column, merged."""
    histogram = _core.Histogram()
    for row in windows:
        if row["kind"] == "step":
            histogram.add_encoded(row[column])
    return histogram


def counted(windows: list[dict[str, Any]], column: str, key: str) -> dict[Any, int]:
    """The (key, count) pairs of a column, added up."""
    counts: Counter[Any] = Counter()
    for row in windows:
        for pair in row[column] or ():
            counts[pair[key]] += pair["count"]
    return dict(counts)


def test_rows_windows_and_target_count_the_same() -> None:
    """Rows = requests in windows = requests that the target got, by step, status and outcome."""
    with counting_server() as server:
        rows, windows, end = run(plan(server.url, [HOME, MISSING], load=iterations()))
    assert (end["reason"], end["error"], end["rows_dropped"]) == ("finished", None, 0)
    assert server.asked == {"/": ITERATIONS, "/missing": ITERATIONS}
    assert Counter(rows["step"].to_pylist()) == {"home": ITERATIONS, "missing": ITERATIONS}
    for step in ("home", "missing"):
        assert total(windows, "count", name=step) == ITERATIONS
    assert counted(windows, "statuses", "status") == {200: ITERATIONS, 404: ITERATIONS}
    assert counted(windows, "outcomes", "name") == {"ok": 2 * ITERATIONS}
    assert total(windows, "errors") == sum(rows["error"].to_pylist()) == ITERATIONS
    assert total(windows, "iterations_completed", "scenario") == ITERATIONS


def test_sums_in_windows_are_those_of_the_rows() -> None:
    """Every sum that windows carry is the exact sum over the rows."""
    with counting_server() as server:
        rows, windows, _ = run(plan(server.url, [HOME], load=iterations()))
    for column, in_rows in {"service_sum_ns": "service_ns", "response_sum_ns": "response_ns"}.items():
        assert total(windows, column) == sum(rows[in_rows].to_pylist())
    for column in ("bytes_sent", "bytes_received", "attempts"):
        assert total(windows, column) == sum(rows[column].to_pylist())
    opened = [row["connect_ns"] for row in rows.to_pylist() if row["connect_ns"] is not None]
    assert total(windows, "connections") == len(opened) == 3
    assert rows["reused"].to_pylist().count(False) == 3
    lag_max_ns = max(row["lag_max_ns"] for row in windows if row["kind"] == "worker")
    connecting = ("dns_ns", "connect_ns", "tls_ns")
    own = [row["lag_ns"] - sum(row[part] or 0 for part in connecting) for row in rows.to_pylist()]
    assert lag_max_ns == max(own)


@pytest.mark.parametrize("time_of", ["service", "response", "ttfb"])
def test_histograms_in_windows_are_those_of_the_rows(time_of: str) -> None:
    """Merged over all windows, a histogram answers what sorting the rows answers, to 0.1 %."""
    with counting_server() as server:
        rows, windows, _ = run(plan(server.url, [HOME, MISSING], load=iterations()))
    histogram, ordered = merged(windows, time_of), sorted(rows[f"{time_of}_ns"].to_pylist())
    assert histogram.count == len(ordered) == 2 * ITERATIONS
    for q in (0.5, 0.9, 0.99, 1.0):
        exact = ordered[math.ceil(q * len(ordered)) - 1]
        assert histogram.quantile(q) == pytest.approx(exact, rel=0.001, abs=500)


def test_times_of_a_row_fit_together() -> None:
    """Response = lag + service, the first byte is not after the last, and offsets lie within the run."""
    with counting_server() as server:
        rows, _, _ = run(plan(server.url, [HOME, MISSING], load=iterations()))
    for row in rows.to_pylist():
        assert row["response_ns"] == row["lag_ns"] + row["service_ns"]
        assert 0 < row["ttfb_ns"] <= row["service_ns"]
        assert 0 <= row["offset_ns"] < 30 * SECOND
        assert (row["scenario"], row["method"], row["worker"], row["attempts"]) == ("shop", "GET", 0, 1)


def test_a_request_never_sent_is_counted_but_not_timed() -> None:
    """Without a listener there are rows without a service time, and windows with a count and empty histograms."""
    with counting_server() as server:
        closed = server.url
    rows, windows, _ = run(plan(closed, [HOME], load=iterations(5)))
    assert rows.num_rows == total(windows, "count") == total(windows, "errors") == 5
    assert set(rows["outcome"].to_pylist()) == {"connect_refused"}
    assert rows["service_ns"].null_count == rows["status"].null_count == rows["ttfb_ns"].null_count == 5
    assert merged(windows, "service").count == merged(windows, "response").count == 0
    assert counted(windows, "outcomes", "name") == {"connect_refused": 5}
    assert counted(windows, "statuses", "status") == {}


def test_checks_of_one_name_are_told_apart_by_their_step() -> None:
    """The same words may be claimed of two steps: each has its own counts."""
    steps = [{**HOME, "checks": [SAYS_HELLO]}, {**MISSING, "checks": [SAYS_BYE]}]
    with counting_server() as server:
        _, windows, _ = run(plan(server.url, steps, load=iterations(10)))
    for step, failed in {"home": 0, "missing": 10}.items():
        assert total(windows, "count", "check", name="says hello", step=step) == 10
        assert total(windows, "errors", "check", name="says hello", step=step) == failed


def test_groups_carry_their_durations() -> None:
    """A group's row counts its passes, and its durations are under `response`."""
    group = {"kind": "group", "name": "both", "steps": [HOME, MISSING]}
    with counting_server() as server:
        rows, windows, _ = run(plan(server.url, [group], load=iterations(10)))
    (sums,) = {total(windows, "response_sum_ns", "group", name="both")}
    assert total(windows, "count", "group", name="both") == 10
    assert sums >= sum(rows["service_ns"].to_pylist())
    durations = [row["response"] for row in windows if row["kind"] == "group"]
    assert sum(_core.Histogram.decode(encoded).count for encoded in durations) == 10


def test_two_shares_are_the_whole() -> None:
    """The shares' requests add up to the plan's, and each row says whose it is."""
    with counting_server() as server:
        plan_json = plan(server.url, [HOME], load=iterations())
        parts = [run(plan_json, share, 2)[0] for share in range(2)]
    assert sum(part.num_rows for part in parts) == server.asked["/"] == ITERATIONS
    assert [set(part["worker"].to_pylist()) for part in parts] == [{0}, {1}]
    users = [set(part["user"].to_pylist()) for part in parts]
    assert users[0].isdisjoint(users[1])


def test_every_second_says_how_the_worker_did() -> None:
    """A window has one row about the worker: CPU time within wall time, descriptors within their limit."""
    load = {"kind": "users", "users": 2, "duration_ns": 3 * SECOND // 2}
    with counting_server() as server:
        _, windows, _ = run(plan(server.url, [HOME], load=load))
    workers = [row for row in windows if row["kind"] == "worker"]
    assert [row["second"] for row in workers] == list(range(len(workers)))
    assert len(workers) >= 2
    for row in workers:
        assert 0 < row["cpu_ns"] <= row["wall_ns"]
        assert row["cpu_ns"] <= row["process_cpu_ns"]
        assert 0 < row["open_fds"] <= row["fd_limit"]
    users = [row["users_active"] for row in windows if row["kind"] == "scenario" and row["users_active"] is not None]
    assert users[0] == 2


def test_columns_outlive_the_engine() -> None:
    """What Python holds stays valid and unchanged, whatever becomes of the engine that lent it."""
    with counting_server() as server:
        rows, _, _ = run(plan(server.url, [HOME], load=iterations()))
        before = rows.to_pylist()
        gc.collect()
        run(plan(server.url, [MISSING], load=iterations()))
    assert rows.to_pylist() == before
    rows.validate(full=True)


def test_an_engine_that_nobody_reads_ends() -> None:
    """Dropping a running engine interrupts it: load that is not recorded is not made."""
    with counting_server() as server:
        load = {"kind": "users", "users": 1, "duration_ns": 600 * SECOND}
        engine = _core.Engine(plan(server.url, load=load), 0, 1)
        before = threads()
        engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
        assert engine.next_event(60_000) is not None
        del engine
        gc.collect()
        deadline = time.monotonic() + 60
        while threads() > before:
            assert time.monotonic() < deadline, "the engine thread is still there after a minute"
            time.sleep(0.01)


def test_memory_that_python_releases_is_filled_again() -> None:
    """Rows are lent to Python, not copied and not left to it. A reader that is late once meets one more chunk."""
    places = []
    with counting_server() as server:
        load = {"kind": "users", "users": 1, "duration_ns": 9 * SECOND // 2}
        engine = _core.Engine(
            plan(server.url, [{"kind": "think", "distribution": "constant", "ns": SECOND // 20}, HOME], load=load), 0, 1
        )
        engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
        while (event := engine.next_event(20_000)) is not None:
            if event[0] == "rows":
                places.append(pa.record_batch(event[1])["offset_ns"].buffers()[1].address)
            del event
    assert len(places) == 5
    assert 2 <= len(set(places)) <= 4
