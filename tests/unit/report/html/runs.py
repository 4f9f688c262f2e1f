"""Run folders made of numbers: what pages are tested with, without an engine."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loadcore.api import load
from loadcore.engine import CheckInfo, Description, FeederInfo, GroupInfo, ScenarioInfo, StepInfo
from loadcore.results.open import opening
from loadcore.results.reader import read
from loadcore.results.run_facts import Carried, RunEnd, RunStart, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.samples import ReceivedResponse, Sample, SentRequest
from loadcore.results.sum import summary
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from loadcore.results.write import manifest
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.results.open.run import Run

SECOND = 1_000_000_000
MACHINE = {
    "system": "Linux",
    "kernel": "6.1",
    "architecture": "x86_64",
    "cpu": "An Invented Processor",
    "cores": 2,
    "memory_bytes": 8_000_000_000,
}
LIMITS = {
    "files_soft": 20_000,
    "files_hard": 20_000,
    "local_ports": 28_232,
    "memory_bytes": 6_000_000_000,
    "processes": 9_000,
    "cores": 2.0,
    "cpu_pressure": 1.5,
}


@dataclass
class Made:
    """A run to be made.

    Attributes:
        seconds: How long it lasts.
        rate: Requests a second at its end.
        ramp: Whether the load rises from nothing.
        steps: Names of its steps.
        scenarios: Names of its scenarios.
        capacity: What the target can do a second; above it times grow, and errors come.
        late_ms: How late the client is.
        stalls: Seconds in which nothing is answered in less than a second.
        warm_up: Seconds of the warm-up.
        thresholds: What it is judged by.
        model: `open` or `closed`.
        sealed: Whether it came to its end.
        idle: Whether no request was ever answered.
        command: What was typed.
        nodes: Names of the nodes, each with one worker. The second is lost after a quarter of the run, and the first
            carries its share on from the middle; the third is lost then.
        trace_url: Where its traces are shown; None if it has none.
    """

    seconds: int = 20
    rate: int = 40
    ramp: bool = False
    steps: tuple[str, ...] = ("GET /items", "POST /orders")
    scenarios: tuple[str, ...] = ("shop",)
    capacity: int | None = None
    late_ms: float = 0.0
    stalls: tuple[int, ...] = ()
    warm_up: int = 0
    thresholds: tuple[str, ...] = ("errors.rate < 1%", "response.p95 < 250ms")
    model: Any = "closed"
    sealed: bool = True
    idle: bool = False
    command: str | None = "loadcore run shop.py --users 50 --duration 20s"
    name: str = "shop.py"
    nodes: tuple[str, ...] = ()
    trace_url: str | None = None
    draws: random.Random = field(default_factory=lambda: random.Random(7))

    def folder(self, path: Path) -> Path:
        """Write the run folder."""
        path.mkdir(parents=True, exist_ok=True)
        folder, start = RunFolder(path), self._start()
        rows = [
            row
            for second in range(self.seconds)
            for worker in range(self._workers)
            if not self._is_away(worker, second)
            for row in self._rows(second, worker)
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=PLAIN)
        with pa.OSFile(str(folder.windows_segment(0)), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        folder.start.write_text(start.to_json())
        folder.plan.write_text("{}")
        if self.sealed:
            folder.summary.write_text(json.dumps(self._summary(folder, start)))
            manifest.seal(folder, json.loads(start.to_json()), opening.facts_on_disk(folder.all_windows()))
        return path

    def run(self, path: Path) -> Run:
        """The run in its folder."""
        return load(self.folder(path))

    @property
    def _workers(self) -> int:
        return max(1, len(self.nodes))

    def _is_away(self, worker: int, second: int) -> bool:
        """Whether the worker's share has no node in this second."""
        quarter, middle = self.seconds // 4, self.seconds // 2
        return quarter <= second < middle if worker == 1 else worker == 2 and second >= middle

    def _ends(self) -> tuple[WorkerEnd, ...]:
        if not self.nodes:
            return (WorkerEnd(0, "finished"),)
        quarter, middle = self.seconds * SECOND // 4, self.seconds * SECOND // 2
        first, second, third, *_ = self.nodes
        carried = Carried(quarter, middle, second, "it sent nothing for 10 s", first, 400)
        return (
            WorkerEnd(0, "finished", started_late_ns=310_000),
            WorkerEnd(1, "finished", started_late_ns=1_250_000, carried=(carried,)),
            WorkerEnd(2, "lost", f"node {third} was lost: it left the cluster", lost_after_ns=middle),
        )

    def _start(self) -> RunStart:
        steps = tuple(
            StepInfo(scenario, step, step.split(maxsplit=1)[0], "main")
            for scenario in self.scenarios
            for step in self.steps
        )
        token = StepInfo(self.scenarios[0], "POST /token", "POST", "auth")
        scenarios = tuple(ScenarioInfo(name, self.model, self.seconds * SECOND, None, 50) for name in self.scenarios)
        check = CheckInfo(self.scenarios[0], self.steps[0], "$.items exists")
        group = GroupInfo(self.scenarios[0], "checkout")
        feeders = (FeederInfo("users.csv", 9000, [self.scenarios[0]]),) if self.nodes else ()
        nodes = [
            {"name": name, "address": f"tcp://10.0.0.{2 + place}:4{place}11", "workers": [place], "cores": 2.0}
            | {"clock_bound_ns": 90_000 * (1 + place)}
            for place, name in enumerate(self.nodes)
        ]
        return replace(
            START,
            name=self.name,
            workers=self._workers,
            nodes=nodes,
            warm_up_ns=self.warm_up * SECOND,
            description=Description((*steps, token), (check,), (group,), scenarios, 50, feeders),
            base_urls=dict.fromkeys(self.scenarios, "http://127.0.0.1:8080"),
            thresholds=[{"expression": each, "scenario": None, "step": None} for each in self.thresholds],
            machine=MACHINE,
            limits=LIMITS,
            versions={"loadcore": "0.1.0", "engine": "0.1.0", "python": "3.11.7", "pyarrow": "26.0.1"},
            command=self.command,
            traces=None if self.trace_url is None else {"sample": 0.01, "url": self.trace_url},
        )

    def _summary(self, folder: RunFolder, start: RunStart) -> dict[str, Any]:
        totals = opening.totals_for(start)
        for batch in read(folder.windows_segment(0)).batches:
            totals.add(batch)
        end = RunEnd(ended_ns=self.seconds * SECOND, workers=self._ends())
        judged = evaluate_all(rules_of(start), Measured(totals, start, end.ended_ns, as_planned=True))
        return summary.build(Parts(start, end, totals, judged, self._samples(), folder))

    def _samples(self) -> tuple[Sample, ...]:
        if self.capacity is None:
            return ()
        headers = [("Authorization", "***")]
        if self.trace_url is not None:
            headers.append(("traceparent", f"00-{SAMPLED}-53ba8ddc3f77a1f0-01"))
        request = SentRequest("http://127.0.0.1:8080", "POST /orders HTTP/1.1", tuple(headers), 20)
        response = ReceivedResponse("HTTP/1.1 503 Service Unavailable", 503, (), '{"detail": "full"}', 18, cut=False)
        step, reason = self.steps[-1], "expected a status below 400, got 503"
        return (Sample(self.scenarios[0], "main", step, "status", "503", reason, 3, 2, 9 * SECOND, request, response),)

    def _load(self, second: int) -> int:
        return max(1, round(self.rate * (second + 1) / self.seconds)) if self.ramp else self.rate

    def _rows(self, second: int, worker: int) -> list[dict[str, Any]]:
        phase = "warm_up" if second < self.warm_up else "steady"
        about = {"second": second, "phase": phase, "worker": worker}
        load = self._load(second)
        rows: list[dict[str, Any]] = []
        for scenario in self.scenarios:
            rows += [self._step(about, scenario, place, load) for place in range(len(self.steps))]
            users = round(50 * load / self.rate)
            rows.append(
                about
                | {"kind": "scenario", "scenario": scenario, "users_active": users, "iterations_due": load}
                | {"iterations_started": load}
            )
        if second == 0:
            token = encoded([21_000] * 5)
            rows.append(
                about
                | {
                    "kind": "step",
                    "scenario": self.scenarios[0],
                    "name": "POST /token",
                    "section": "auth",
                    "method": "POST",
                }
                | {
                    "count": 5,
                    "attempts": 5,
                    "answered": 5,
                    "asked": 5,
                    "started": 5,
                    "connections": 5,
                    "service": token,
                }
                | {"response": token, "ttfb": token, "connect": encoded([180] * 5)}
                | {"outcomes": [{"name": "ok", "count": 5}], "statuses": [{"status": 200, "count": 5}]}
            )
        check = {"kind": "check", "scenario": self.scenarios[0], "step": self.steps[0], "name": "$.items exists"}
        rows.append(about | check | {"count": load, "errors": 0})
        group = {"kind": "group", "scenario": self.scenarios[0], "name": "checkout", "count": load, "errors": 0}
        rows.append(about | group | {"response": encoded([30_000] * load)})
        lag = encoded([max(20, round(self.late_ms * 1000))] * load)
        rows.append(
            about
            | {"kind": "worker", "lag": lag, "lag_max_ns": round(max(0.02, self.late_ms) * 1e6), "cpu_ns": SECOND // 4}
            | {"process_cpu_ns": SECOND // 3, "wall_ns": SECOND, "involuntary_switches": 2, "open_fds": 60}
            | {"fd_limit": 20_000, "rows_dropped": 0, "core_wait_ns": 0, "in_flight_ns": SECOND, "flights_ns": SECOND}
        )
        rows.append(
            about
            | {"worker": -1 - worker, "kind": "worker", "wall_ns": SECOND, "foreign_cpu_ns": SECOND // 3}
            | {"client_cpu_ns": SECOND // 3, "throttled_ns": 0}
        )
        return rows

    def _step(self, about: dict[str, Any], scenario: str, place: int, load: int) -> dict[str, Any]:
        second, over = about["second"], 0.0
        if self.capacity is not None:
            over = max(0.0, load / self.capacity - 1)
        scale = 8_000 * (1 + place) * (1 + 20 * over)
        sent = [max(1, round(scale * math.exp(self.draws.gauss(0, 0.4)))) for _ in range(load)]
        if second in self.stalls:
            sent = [each + 1_000_000 for each in sent]
        due = [each + round(self.late_ms * 1000) for each in sent]
        failed = round(load * min(0.6, over)) if place == len(self.steps) - 1 else 0
        lost = load if self.idle else round(failed * 0.1)
        failed = 0 if self.idle else failed - lost
        service, response = encoded(sent), encoded(due)
        outcomes = [{"name": "ok", "count": load - lost}, {"name": "timeout", "count": lost}]
        statuses = [{"status": 200, "count": load - lost - failed}, {"status": 503, "count": failed}]
        return (
            about
            | {"kind": "step", "scenario": scenario, "name": self.steps[place], "section": "main", "method": "GET"}
            | {"count": load, "errors": failed + lost, "attempts": load, "asked": load, "started": load}
            | {"answered": load - lost, "failed": lost, "connections": load if second == 0 else 0}
            | {"outcomes": [each for each in outcomes if each["count"]]}
            | {"statuses": [each for each in statuses if each["count"]]}
            | {"error_statuses": [{"status": 503, "count": failed}] if failed else []}
            | {"service": service, "response": response, "ttfb": service}
            | {"delay_added": response if self.late_ms else None, "delay_taken": service if self.late_ms else None}
            | {"connect": encoded([180] * load) if second == 0 else None}
            | {"service_sum_ns": sum(sent) * 1000, "response_sum_ns": sum(due) * 1000, "bytes_sent": 90 * load}
            | {"bytes_received": 200 * load}
            | {"exemplars": None if self.trace_url is None else [_exemplar(second, place, max(sent) * 1000)]}
        )


def _exemplar(second: int, place: int, service_ns: int) -> dict[str, Any]:
    number = 100 * second + place
    trace = {"trace_id": f"692d1f80a1b2c3d4{number:016x}", "span_id": f"{number + 1:016x}"}
    times = {"end_ns": (second + 1) * SECOND - 1, "service_ns": service_ns, "response_ns": service_ns + 40_000}
    return trace | times | {"status": 200, "outcome": "ok"}


TEN_STEPS = tuple(f"GET /catalogue/section-{place}/items" for place in range(10))
HOSTILE = ("GET /</script><script>alert(1)</script>", 'GET /"onmouseover="alert(1)', "GET /<b>&amp;</b>{{ 7*7 }}\u2028")
SAMPLED = "692d1f80a1b2c3d4ffff2cd26bcfba56"
"""The trace of the sample of a run with traces."""
TEMPO = "https://tempo.example/trace/{trace_id}"
RUNS = {
    "healthy": Made(warm_up=4),
    "broken": Made(seconds=40, rate=120, ramp=True, capacity=70, model="open", warm_up=3, trace_url=TEMPO),
    "late": Made(rate=60, late_ms=40.0),
    "stalls": Made(stalls=(4, 9, 14)),
    "one_second": Made(seconds=1),
    "ten_steps": Made(steps=TEN_STEPS, rate=20),
    "scenarios": Made(scenarios=("browse", "checkout"), rate=30),
    "killed": Made(sealed=False),
    "idle": Made(idle=True),
    "nodes": Made(rate=30, nodes=("edge-amsterdam", "edge-berlin", "edge-cairo"), model="open"),
    "hostile": Made(steps=HOSTILE, name="<img src=x onerror=alert(1)>", command="loadcore run '</code><script>'"),
}
"""Runs of every kind."""
