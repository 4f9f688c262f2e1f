"""The load of a run is changed while it lasts: what is sent is what the plan and the orders make due."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import psutil
import pyarrow as pa
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

import loadcore
from loadcore import Client, Scenario, arrival_rate, arrival_stages, get, users
from loadcore.engine import Ended, Engine, Rows
from loadcore.plan.orders import Change
from loadcore.telemetry.prometheus import Scraped
from loadcore.telemetry.pushed import Pushed, otlp
from tests.integration.asking import Asking, due_of
from tests.integration.counting_target import Target, counting_target
from tests.unit.telemetry.test_telemetry import collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from loadcore.results.open.run import Run
    from loadcore.telemetry.exporting import Exporter


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target that counts; each test has a path of its own."""
    with counting_target() as found:
        yield found


def changed(
    scenario: Scenario,
    out: Path,
    changes: dict[int, str],
    then: Callable[[], None] | None = None,
    exporters: Sequence[Exporter] = (),
) -> Run:
    """A run on two workers that is asked for changes, all of which it takes."""
    asking = Asking(out, changes, then)
    run = loadcore.run(scenario, workers=2, out=out, seed=7, listeners=[asking, *exporters], allow_lost_workers=True)
    assert len(asking.heard) == len(changes)
    assert [order["change"] for order in run.summary["load"]["orders"]] == list(changes.values())
    return run


def test_users_in_python_come_and_leave(target: Target, tmp_path: Path) -> None:
    """Each makes an iteration at a time; more are made, those above the number leave, and no request is lost."""

    async def visit(c: Client) -> None:
        await c.get("/async-users")
        await c.think("50ms")

    scenario = Scenario("visits", base_url=target.url, load=users(3, duration="8s"), steps=visit)
    run = changed(scenario, tmp_path / "run", {0: "users 9", 1: "users 2"})
    (load,) = run.summary["load"]["scenarios"]
    assert run.requests.num_rows == target.count()["/async-users"] == load["iterations"]["completed"]
    assert load["iterations"]["failed"] == 0
    assert load["users"]["peak"] == 9
    down_ns = run.summary["load"]["orders"][1]["at_s"] * 1e9
    late = {row["user"] for row in rows_of(run) if row["offset_ns"] > down_ns + 1e9}
    assert late == {0, 1}


def test_users_in_python_arrive_at_the_rate_that_is_ordered(target: Target, tmp_path: Path) -> None:
    """What arrives is what the rates make due, and each arrival is an iteration."""

    async def visit(c: Client) -> None:
        await c.get("/async-rate")

    scenario = Scenario("visits", base_url=target.url, load=arrival_rate("40/s", duration="6s"), steps=visit)
    run = changed(scenario, tmp_path / "run", {0: "rate 120/s"})
    due = due_of(run.summary["load"]["orders"], lambda start, end: 40 * (end - start), 6)
    assert run.requests.num_rows == target.count()["/async-rate"]
    assert abs(run.requests.num_rows - due) <= 1


def test_a_ramp_gives_way_to_a_rate(target: Target, tmp_path: Path) -> None:
    """Up to the order the ramp counts, from there on the rate; metrics that are taken meanwhile count each arrival."""
    ramp = arrival_stages(("200/s", "8s"))
    scenario = Scenario("ramp", base_url=target.url, load=ramp, steps=[get("/ramp")])
    with collector() as (url, pushes), ExitStack() as stack:
        scraped, pushed = Scraped("127.0.0.1", 0, "ramp"), Pushed(otlp(url), {}, print, where=url, every_s=60)
        for exporter in (scraped, pushed):
            stack.callback(exporter.close)
        run = changed(scenario, tmp_path / "run", {0: "rate 150/s", 1: "rate 60/s"}, exporters=(scraped, pushed))
        with urlopen(scraped.address) as response:
            text = response.read().decode()
        pushed.close()
    (iterations,) = [each for each in text_string_to_metric_families(text) if each.name == "loadcore_iterations"]
    ends = {sample.labels["end"]: sample.value for sample in iterations.samples}
    assert ends == {"started": run.requests.num_rows, "completed": run.requests.num_rows, "failed": 0, "dropped": 0}
    assert iterations_of(pushes[-1]) == ends
    due = due_of(run.summary["load"]["orders"], lambda start, end: 12.5 * (end**2 - start**2), 8)
    assert run.requests.num_rows == target.count()["/ramp"]
    assert abs(run.requests.num_rows - due) <= 1


def test_chance_is_shared_exactly(target: Target, tmp_path: Path) -> None:
    """Two workers' Poisson arrivals are together those of one that has the whole, each at the same nanosecond."""
    load = arrival_rate("80/s", duration="6s", arrivals="poisson")
    scenario = Scenario("chance", base_url=target.url, load=load, steps=[get("/chance")])
    run = changed(scenario, tmp_path / "run", {0: "rate 200/s"})
    assert {row["worker"] for row in rows_of(run)} == {0, 1}
    plan = (tmp_path / "run" / "plan.json").read_text("utf-8")
    assert dues(run) == dues_of_one(plan, run.summary["load"]["orders"])


def test_a_lost_worker_leaves_the_share_of_the_other_as_it_is(target: Target, tmp_path: Path) -> None:
    """Orders that come after it count for the shares that are left, and its own stops where it was lost."""

    def lose_one() -> None:
        children = psutil.Process().children(recursive=True)
        workers = [child for child in children if "loadcore.processes.worker_main" in child.cmdline()]
        assert len(workers) == 2
        workers[1].kill()

    load = arrival_stages(("100/s", "0s"), ("100/s", "8s"))
    scenario = Scenario("ramp", base_url=target.url, load=load, steps=[get("/lost")])
    run = changed(scenario, tmp_path / "run", {1: "rate 240/s"}, lose_one)
    (lost,) = [each["worker"] for each in run.summary["workers_lost"]]
    due = due_of(run.summary["load"]["orders"], lambda start, end: 100 * (end - start), 8)
    kept = [row["offset_ns"] for row in rows_of(run) if row["worker"] != lost]
    assert abs(len(kept) - due / 2) <= 1
    ordered_ns = run.summary["load"]["orders"][0]["at_s"] * 1e9
    assert 0 < max(row["offset_ns"] for row in rows_of(run) if row["worker"] == lost) < ordered_ns
    gaps = {later - earlier for earlier, later in zip(kept[-100:-1], kept[-99:], strict=True)}
    assert all(abs(gap - 2e9 / 240) <= 1 for gap in gaps)


def iterations_of(push: bytes) -> dict[str, int]:
    """Iterations by their end, as a collector gets them."""
    request = ExportMetricsServiceRequest.FromString(push)
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    (points,) = [metric.sum.data_points for metric in metrics if metric.name == "loadcore.iterations"]
    labels = [{each.key: each.value.string_value for each in point.attributes} for point in points]
    return {
        each["loadcore.end"]: point.as_int or int(point.as_double) for each, point in zip(labels, points, strict=True)
    }


def rows_of(run: Run) -> list[dict[str, Any]]:
    """What a run sent, by when it was due."""
    rows = run.requests.select(["offset_ns", "worker", "user"]).to_pylist()
    return sorted(rows, key=lambda row: row["offset_ns"])


def dues(run: Run) -> list[int]:
    """When the requests of a run were due."""
    return [row["offset_ns"] for row in rows_of(run)]


def dues_of_one(plan: str, orders: Sequence[Mapping[str, Any]]) -> list[int]:
    """The same of a single worker that hears of these orders at its start."""
    engine = Engine(plan, 0, 1)
    engine.start(time.monotonic_ns(), time.time_ns() // 1000)
    for order in orders:
        change = Change.parse(order["change"])
        engine.order(0, round(order["at_s"] * 1e9), change.for_engine())
    found: list[int] = []
    while not isinstance(event := engine.next_event(1000), Ended):
        if isinstance(event, Rows):
            found += pa.record_batch(event.batch)["offset_ns"].to_pylist()
    return sorted(found)
