"""Metrics as those that take them read them."""

from __future__ import annotations

import gzip
import json
import random
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import promql_parser
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from integrations.grafana import make
from loadcore.cli.option_values import address, http_url
from loadcore.errors import UsageError
from loadcore.plan.orders import Change, Order
from loadcore.results.open import opening
from loadcore.results.reader import read
from loadcore.telemetry.families import FAMILIES, OTEL_LABELS
from loadcore.telemetry.measures import BOUNDS_S, Measures, Traced, measures_of
from loadcore.telemetry.prometheus import Scraped
from loadcore.telemetry.pushed import Pushed, Sender, otlp, remote_write
from tests.unit.results.numbers import START
from tests.unit.results.simulated import independent, summed
from tests.unit.telemetry.example import measures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def scraped(found: Measures) -> dict[str, Any]:
    """What Prometheus' client library reads of a scrape, by name."""
    exporter = Scraped("127.0.0.1", 0, "nightly")
    try:
        exporter.measures = found
        with urlopen(exporter.address) as response:
            text = response.read().decode()
    finally:
        exporter.close()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_measures_are_the_sums_of_the_windows(tmp_path: Path) -> None:
    """Every request is in one bucket of each time, those up to a bound below it."""
    requests = independent(random.Random(5), 3)
    summed(tmp_path, requests, 3)
    totals = opening.totals_for(START)
    for batch in read(tmp_path / "windows.arrow").batches:
        totals.add(batch)
    (step,) = [each for each in measures_of(totals).steps if each.response.count]
    assert (step.scenario, step.step, step.response.count) == ("shop", "GET /items", len(requests))
    at_most = sum(step.response.counts[: BOUNDS_S.index(0.01) + 1])
    assert at_most == pytest.approx(sum(took <= 0.01 for _, took in requests), abs=2)
    assert step.response.max_s == pytest.approx(max(took for _, took in requests), rel=0.01)


def test_a_scrape_has_every_metric() -> None:
    """Counters end with `_total`, buckets are cumulative and end with all, names and labels are escaped."""
    found = scraped(measures())
    assert {family.prometheus for family in FAMILIES} | {"loadcore_run_info"} == set(found)
    requests = {sample.labels["outcome"]: sample.value for sample in found["loadcore_requests"].samples}
    assert requests == {"ok": 99, "timeout_headers": 1}
    buckets = [s for s in found["loadcore_response_seconds"].samples if s.name.endswith("_bucket")]
    assert [bucket.value for bucket in buckets] == [0, 0, 0, 0, *[90] * (len(BOUNDS_S) - 4), 100]
    assert buckets[-1].labels["le"] == "+Inf"
    assert buckets[0].labels["step"] == 'GET /items/{id} "x"'
    assert found["loadcore_run_info"].samples[0].labels == {"name": "nightly"}


def test_changes_of_the_load_are_counted_and_shown(tmp_path: Path) -> None:
    """How often each, whether the scenario is paused now, and what was ordered last."""
    summed(tmp_path, independent(random.Random(5), 3), 3)
    totals = opening.totals_for(START)
    for batch in read(tmp_path / "windows.arrow").batches:
        totals.add(batch)
    assert measures_of(totals).changes == {}
    name = "shop"
    for place, text in enumerate(("users 20", "pause", "resume", "users 7", "rate 300/min", "pause")):
        totals.orders.append(Order(name, place, Change.parse(text)))
    found = measures_of(totals)
    assert found.changes == {(name, "users"): 2, (name, "pause"): 2, (name, "resume"): 1, (name, "rate"): 1}
    assert (found.paused[name], found.ordered_users, found.ordered_per_s) == (True, {name: 7}, {name: 5.0})
    samples = scraped(found)
    assert samples["loadcore_ordered_iterations_per_second"].samples[0].value == 5
    assert {each.labels["change"]: each.value for each in samples["loadcore_load_changes"].samples} == {
        "users": 2,
        "pause": 2,
        "resume": 1,
        "rate": 1,
    }


def test_a_run_that_has_not_begun_can_be_scraped() -> None:
    """There is nothing of steps yet."""
    assert scraped(Measures())["loadcore_rows_dropped"].samples[0].value == 0


def test_a_port_that_is_taken_is_refused() -> None:
    """Before the first request, with what to do."""
    first = Scraped("127.0.0.1", 0, "one")
    port = int(first.address.split(":")[2].partition("/")[0])
    try:
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            Scraped("127.0.0.1", port, "two")
    finally:
        first.close()


@contextmanager
def collector(status: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    """A collector that keeps what it gets, and answers with this status."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_otlp_has_the_names_and_units_of_the_conventions() -> None:
    """The last push has the end of the run: a histogram of all requests, by method and template."""
    told: list[str] = []
    with collector() as (url, got):
        pushed = Pushed(otlp(url), {"service.name": "loadcore"}, told.append, where=url, every_s=60)
        pushed.measures = measures()
        pushed.close()
    request = ExportMetricsServiceRequest.FromString(got[-1])
    metrics = {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    assert set(metrics) == {family.otel for family in FAMILIES}
    duration = metrics["http.client.request.duration"]
    (point,) = duration.histogram.data_points
    attributes = {each.key: each.value.string_value for each in point.attributes}
    assert (duration.unit, point.count, list(point.explicit_bounds)) == ("s", 100, list(BOUNDS_S))
    assert attributes["http.request.method"] == "GET"
    assert attributes["url.template"] == 'GET /items/{id} "x"'
    assert metrics["loadcore.requests"].sum.is_monotonic
    assert told == []


def traced() -> Measures:
    """Measures with a slow request that has a trace, and a quick one."""
    found = measures()
    step = found.steps[0]
    slow, quick = (
        Traced(value, trace * 32, trace * 16, 1_764_000_000_500_000_000) for value, trace in ((61.0, "a"), (0.008, "b"))
    )
    service = replace(step.service, exemplars=(slow, quick))
    return replace(found, steps=[replace(step, service=service)])


def test_a_scrape_by_openmetrics_leads_to_traces() -> None:
    """Each bucket has its own; the older format, which has no place for them, is still read."""
    exporter = Scraped("127.0.0.1", 0, "nightly")
    try:
        exporter.measures = traced()
        asked = Request(exporter.address, headers={"Accept": "application/openmetrics-text"})
        with urlopen(asked) as response:
            text = response.read().decode()
            families = {family.name: family for family in openmetrics(text)}  # type: ignore[no-untyped-call]
        with urlopen(exporter.address) as response:
            assert "# {" not in response.read().decode()
    finally:
        exporter.close()
    samples = families["loadcore_service_seconds"].samples
    found = {each.labels["le"]: each.exemplar for each in samples if each.exemplar}
    assert {edge: (each.labels["trace_id"], each.value) for edge, each in found.items()} == {
        "0.01": ("b" * 32, 0.008),
        "+Inf": ("a" * 32, 61.0),
    }
    assert not any(each.exemplar for each in families["loadcore_response_seconds"].samples)


def test_otlp_leads_to_traces() -> None:
    """The exemplars of a histogram have the ids of trace and span, the value and the time."""
    with collector() as (url, got):
        pushed = Pushed(otlp(url), {"service.name": "loadcore"}, print, where=url, every_s=60)
        pushed.measures = traced()
        pushed.close()
    request = ExportMetricsServiceRequest.FromString(got[-1])
    metrics = {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    (point,) = metrics["http.client.request.duration"].histogram.data_points
    found = [(each.trace_id.hex(), each.span_id.hex(), each.as_double, each.time_unix_nano) for each in point.exemplars]
    at_ns = 1_764_000_000_500_000_000
    assert found == [("a" * 32, "a" * 16, 61.0, at_ns), ("b" * 32, "b" * 16, 0.008, at_ns)]


def test_a_collector_that_refuses_costs_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """It is reported once, however often it refuses, with where and why; the exporter's own words go nowhere."""
    told: list[str] = []
    with collector(400) as (url, got):
        pushed = Pushed(otlp(url), {}, told.append, where=url, every_s=0.02)
        until = time.monotonic() + 60
        while len(got) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        pushed.close()
    assert len(got) >= 3
    (sentence,) = told
    assert re.fullmatch(rf"metrics do not arrive at {url}: .*Bad Request.*; the run continues", sentence)
    assert not caplog.records


@pytest.mark.parametrize("sender", [otlp, remote_write])
def test_a_collector_that_is_not_there_is_named(
    sender: Callable[[str], Sender], caplog: pytest.LogCaptureFixture
) -> None:
    """The sentence has its address without a password, and the reason in a few words."""
    told: list[str] = []
    address = "127.0.0.1:1/v1/metrics"
    pushed = Pushed(
        sender(f"http://{address}"), {}, told.append, where=f"http://joe:se@cret@{address}?key=x", every_s=60
    )
    pushed.measures = traced()
    pushed.close()
    assert told == [f"metrics do not arrive at http://{address}: Connection refused; the run continues"]
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9464", ("127.0.0.1", 9464)), (":0", ("127.0.0.1", 0)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:2", ("::1", 2))],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    """A port alone is one of this machine's."""
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", "host", "1.2.3.4:", "1:70000", "a:b"])
def test_what_is_not_an_address(text: str) -> None:
    """It is refused with what to write."""
    with pytest.raises(ValueError, match="is not an address: write"):
        address(text)
    with pytest.raises(ValueError, match="is not a URL: write"):
        http_url(text)


def _names(query: str) -> set[str]:
    return set(re.findall(r"\b(?:loadcore|http_client)_\w+", re.sub(r"\{[^}]*\}|by \([^)]*\)", "", query)))


@pytest.mark.parametrize("name", ["loadcore.json", "loadcore-otel.json"])
def test_dashboards_name_metrics_and_labels_that_exist(name: str) -> None:
    """Their files are those that are made, every query is PromQL, and asks for what is exported."""
    text = (make.FOLDER / name).read_text("utf-8")
    assert text == make.documents()[name]
    dashboard = json.loads(text)
    is_otel = "otel" in name
    known, labels = set(), {"le"}
    for family in FAMILIES:
        of_prometheus = family.prometheus + ("_total" if family.kind == "counter" else "")
        exported = make.otel_name(family) if is_otel else of_prometheus
        known.add(f"{exported}_bucket" if family.kind == "histogram" else exported)
    labels |= {make.translated(each) for each in OTEL_LABELS.values()} if is_otel else set(OTEL_LABELS)
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for query in queries:
        promql_parser.parse(query.replace("$__rate_interval", "1m"))
        assert _names(query) <= known, query
        grouped = re.findall(r"by \(([^)]*)\)", query) + re.findall(r"\{(\w+)=", query)
        assert {label.strip() for found in grouped for label in found.split(",")} <= labels, query
    assert set().union(*map(_names, queries)) == known
