"""Metrics of a run in a real Prometheus: scraped, written to it, and asked for by the dashboards."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

import loadcore as package
from integrations.grafana import make
from loadcore.telemetry.prometheus import Scraped
from loadcore.telemetry.pushed import Pushed, otlp, remote_write
from tests.e2e.command import environment, loadcore
from tests.e2e.live_prometheus import WITHIN_S, asked, exemplars, prometheus
from tests.e2e.small_target import small_target
from tests.unit.telemetry.example import measures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_the_dashboard_finds_everything_in_a_live_prometheus(tmp_path: Path) -> None:
    """Each of its queries has a value, of what was scraped as of what was written."""
    scraped = Scraped("127.0.0.1", 0, "nightly")
    try:
        with prometheus(tmp_path, scraped.address.removeprefix("http://").removesuffix("/metrics")) as url:
            told: list[str] = []
            resource = {"job": "written", "run": "nightly"}
            sender = remote_write(f"{url}/api/v1/write")
            until, requests = time.monotonic() + WITHIN_S, 100
            while not asked(url, "up == 1") and time.monotonic() < until:
                time.sleep(0.1)
            written = Pushed(sender, resource, told.append, where="prometheus", conventional=False, every_s=1)
            queries = [t["expr"] for panel in make.dashboard(otel=False)["panels"] for t in panel["targets"]]
            ready = [
                query.replace("$__rate_interval", "30s").replace('=~"$scenario"', f'=~".*",job="{job}"')
                for query in queries
                for job in ("scraped", "written")
            ]
            missing = ready
            while missing and time.monotonic() < until:
                requests += 50
                scraped.measures = written.measures = measures(requests)
                time.sleep(0.5)
                missing = [query for query in missing if not asked(url, query)]
            written.close()
            counted = asked(url, 'sum by (job) (loadcore_requests_total{outcome="ok"})')
    finally:
        scraped.close()
    assert missing == []
    assert {each["metric"]["job"] for each in counted} == {"scraped", "written"}
    assert told == []


def test_exemplars_of_a_run_lead_to_its_traces(tmp_path: Path) -> None:
    """A Prometheus that scrapes a run in progress keeps exemplars, and their traces are those of the run's rows."""
    command = [sys.executable, "-m", "loadcore", "bench"]
    options = ["-c", "2", "-d", "120s", "--workers", "1", "--trace-sample", "100%", "--prometheus", "0", "--out", "run"]
    with (
        small_target() as target,
        subprocess.Popen(
            [*command, f"{target}/slow", *options, "--no-strict-client"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        address = next(found[1] for line in process.stderr if (found := re.search(r"http://(\S+)/metrics", line)))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        with prometheus(tmp_path, address) as url:
            until = time.monotonic() + WITHIN_S
            kept: list[dict[str, Any]] = []
            while not kept and time.monotonic() < until:
                time.sleep(0.2)
                kept = exemplars(url, "loadcore_service_seconds_bucket")
        process.send_signal(signal.SIGINT)
        process.wait(60)
    rows = package.load(tmp_path / "run").requests
    traces = {each for each in rows.column("trace_id").cast(pa.utf8()).to_pylist() if each}
    assert kept
    assert {each["labels"]["trace_id"] for each in kept} <= traces
    assert all(float(each["value"]) > 0.2 for each in kept), "the target takes that long"


_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio", "{iteration}/s": "per_second"}


def exposition(pushed: bytes) -> str:
    """What was pushed by OTLP, as a collector gives it to Prometheus: by the rules of OpenTelemetry for its names."""
    request = ExportMetricsServiceRequest.FromString(pushed)
    lines = []
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        kind = metric.WhichOneof("data")
        points: Any = getattr(metric, str(kind)).data_points
        suffixes = [_UNITS.get(metric.unit, ""), "total" if kind == "sum" else ""]
        name = "_".join([re.sub(r"\W", "_", metric.name), *filter(None, suffixes)])
        for point in points:
            labels = [
                f'{re.sub(chr(92) + "W", "_", each.key)}="{_escaped(each.value.string_value)}"'
                for each in point.attributes
            ]
            if kind != "histogram":
                value = point.as_double if point.WhichOneof("value") == "as_double" else point.as_int
                lines.append(f"{name}{{{','.join(labels)}}} {value}")
                continue
            so_far = 0
            for edge, count in zip([*map(str, point.explicit_bounds), "+Inf"], point.bucket_counts, strict=True):
                so_far += count
                lines.append(f"{name}_bucket{{{','.join([*labels, f'le={chr(34)}{edge}{chr(34)}'])}}} {so_far}")
            lines += [
                f"{name}_sum{{{','.join(labels)}}} {point.sum}",
                f"{name}_count{{{','.join(labels)}}} {point.count}",
            ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@contextmanager
def collector() -> Iterator[str]:
    """The address of a collector that takes OTLP over HTTP, and serves the newest of it to Prometheus."""

    class Handler(BaseHTTPRequestHandler):
        text = ""

        def do_POST(self) -> None:
            Handler.text = exposition(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer("")

        def do_GET(self) -> None:
            self._answer(Handler.text)

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_dashboard_for_opentelemetry_finds_everything_that_is_pushed(tmp_path: Path) -> None:
    """By OTLP to a collector, and from there to a live Prometheus: each of its queries has a value."""
    told: list[str] = []
    with collector() as address, prometheus(tmp_path, address) as url:
        pushed = Pushed(
            otlp(f"http://{address}"), {"service.name": "loadcore"}, told.append, where=address, every_s=0.5
        )
        until, requests = time.monotonic() + WITHIN_S, 100
        queries = [target["expr"] for panel in make.dashboard(otel=True)["panels"] for target in panel["targets"]]
        missing = [each.replace("$__rate_interval", "30s").replace("$scenario", ".*") for each in queries]
        while missing and time.monotonic() < until:
            requests += 50
            pushed.measures = measures(requests)
            time.sleep(0.5)
            missing = [query for query in missing if not asked(url, query)]
        pushed.close()
    assert missing == []
    assert told == []


def test_a_run_serves_its_metrics(tmp_path: Path) -> None:
    """The address is printed, and a run with metrics ends as one without; wrong ones are refused."""
    with small_target() as url:
        arguments = ("bench", f"{url}/slow", "-n", "4", "-c", "2", "--workers", "1", "--no-strict-client")
        ran = loadcore(*arguments, "--prometheus", "0", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "metrics for Prometheus: http://127.0.0.1:" in ran.stderr
    for option, value in (("--prometheus", "nix"), ("--otlp", "localhost:4318"), ("--remote-write", "/write")):
        refused = loadcore("bench", "http://127.0.0.1:1/", option, value, cwd=tmp_path)
        assert refused.returncode == 2, option
        assert "is not a" in refused.stderr
