"""Metrics that are pushed through OpenTelemetry's exporters: by OTLP over HTTP, or by Prometheus' remote write."""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from loadcore.telemetry.exporting import Exporter
from loadcore.telemetry.families import FAMILIES, OTEL_LABELS, Family
from loadcore.telemetry.measures import BOUNDS_S, EDGES, Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from loadcore.telemetry.measures import Measures

EVERY_S = 5.0
_AT_END_S = 5.0
"""How long the last push may take: a run does not wait longer for a collector that does not answer."""
_OTLP_PATH = "/v1/metrics"
_QUERY = r"\?[^\s)'\"]+"
_LOGGERS = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.prometheus_remote_write",
)
_REASONS = (
    re.compile(r"\[Errno -?\d+\] ([^\"')]+)"),
    re.compile(r"Transient error (.+?) encountered"),
    re.compile(r"reason: (.+?)(?: for url|$)"),
    re.compile(r"(.+)"),
)
"""Where the exporters' messages say why; the first that is found."""
_LONGEST_REASON = 200
_CUMULATIVE = AggregationTemporality.CUMULATIVE


Span = tuple[int, int]
"""From when to when, in nanoseconds since 1970."""


class Sender(Protocol):
    """An exporter of OpenTelemetry."""

    def export(self, metrics_data: MetricsData, timeout_millis: float = ...) -> MetricExportResult:
        """Send metrics."""

    def shutdown(self, timeout_millis: float = ...) -> None:
        """Free what it holds."""


class _Heard(logging.Filter):
    """Takes what the exporters log on this thread, which would go to stderr beside what loadcore says."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the first line of what was logged, and let it go no further; that of other threads passes."""
        if record.thread != self._thread:
            return True
        said = record.getMessage()
        found = next(filter(None, (each.search(said) for each in _REASONS)), None)
        if not self.reason and found is not None:
            self.reason = found[1][:_LONGEST_REASON].strip()
        return False


@contextmanager
def _heard() -> Iterator[_Heard]:
    heard = _Heard()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for each in loggers:
        each.addFilter(heard)
    try:
        yield heard
    finally:
        for each in loggers:
            each.removeFilter(heard)


class Pushed(Exporter):
    """Pushes the metrics of a run every few seconds, in a thread of its own, and once at the end.

    A collector that does not answer costs the run nothing but a message.

    Args:
        sender: Sends them.
        resource: What the run is, as attributes.
        tell: Gets a sentence when they do not arrive.
        where: The URL that they are sent to; a password in it, and its query, are not shown.
        conventional: Whether names are those of OpenTelemetry; otherwise those of Prometheus.
        every_s: How often.
    """

    def __init__(
        self,
        sender: Sender,
        resource: Mapping[str, str],
        tell: Callable[[str], object],
        *,
        where: str,
        conventional: bool = True,
        every_s: float = EVERY_S,
    ) -> None:
        super().__init__()
        self._sender = sender
        self._resource = Resource(dict(resource))
        self._tell = tell
        self._where = _shown(where)
        self._conventional = conventional
        self._every_s = every_s
        self._start_ns = time.time_ns()
        self._ended = threading.Event()
        self._failed = False
        self._thread = threading.Thread(target=self._push_on, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Push once more, and wait for that, but not for long."""
        self._ended.set()
        self._thread.join(_AT_END_S)

    def _push_on(self) -> None:
        while not self._ended.wait(self._every_s):
            self._push()
        self._push()
        self._sender.shutdown()

    def _push(self) -> None:
        data = data_of(self.measures, self._resource, self._start_ns, conventional=self._conventional)
        with _heard() as heard:
            try:
                arrived = self._sender.export(data, timeout_millis=_AT_END_S * 1e3) is MetricExportResult.SUCCESS
            except Exception as error:  # noqa: BLE001 - of a library, and the run must not end by it
                arrived = False
                heard.reason = heard.reason or str(error)
        if not arrived and not self._failed:
            self._failed = True
            # Reasons of libraries quote the address, too.
            why = f": {re.sub(_QUERY, '', heard.reason)}" if heard.reason else ""
            self._tell(f"metrics do not arrive at {self._where}{why}; the run continues")


def _shown(url: str) -> str:
    """A URL without what proves who asks: a password before the host, or a token in the query."""
    return re.sub(_QUERY, "", re.sub(r"(?<=//)[^/?#]*@", "", url))


def otlp(url: str) -> Sender:
    """A sender by OTLP. Headers and certificates come from `OTEL_EXPORTER_OTLP_…`.

    Args:
        url: The collector's; without a path the usual one is added.
    """
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - see below

    endpoint = url if urlsplit(url).path.strip("/") else url.rstrip("/") + _OTLP_PATH
    return OTLPMetricExporter(endpoint=endpoint, timeout=_AT_END_S)


def remote_write(url: str) -> Sender:
    """A sender by Prometheus' remote write.

    Args:
        url: Where Prometheus, Mimir or another takes it: `http://prometheus:9090/api/v1/write`.
    """
    # Each comes from a package of its own, and one of them is asked for.
    from opentelemetry.exporter.prometheus_remote_write import (  # noqa: PLC0415
        PrometheusRemoteWriteMetricsExporter,
    )

    sender: Any = PrometheusRemoteWriteMetricsExporter(endpoint=url, timeout=int(_AT_END_S), resources_as_labels=True)
    return sender  # type: ignore[no-any-return]


def data_of(measures: Measures, resource: Resource, start_ns: int, *, conventional: bool) -> MetricsData:
    """Measures as OpenTelemetry's exporters take them."""
    span = start_ns, time.time_ns()
    made = _conventional if conventional else _of_prometheus
    metrics = [metric for family in FAMILIES for metric in made(family, measures, span)]
    scope = ScopeMetrics(InstrumentationScope("loadcore"), [each for each in metrics if each.data.data_points], "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _conventional(family: Family, measures: Measures, span: Span) -> Iterator[Metric]:
    """A metric in the names of OpenTelemetry."""

    def attributes(labels: Mapping[str, str]) -> dict[str, str]:
        return {OTEL_LABELS[name]: value for name, value in labels.items()}

    samples = [(attributes(labels), value) for labels, value in family.samples(measures)]
    if family.kind == "histogram":
        found = [_histogram(labels, times, span) for labels, times in samples if isinstance(times, Times)]
        yield Metric(family.otel, family.told, family.unit, Histogram(found, _CUMULATIVE))
    else:
        numbers = [(labels, value) for labels, value in samples if not isinstance(value, Times)]
        yield _numbers(family.otel, family, family.unit, numbers, span)


def _of_prometheus(family: Family, measures: Measures, span: Span) -> Iterator[Metric]:
    """A metric in the names of Prometheus; the parts of a histogram as metrics of their own.

    The exporter by remote write sends histograms under a name that is not that of buckets, and does not add them up.
    """
    samples = [*family.samples(measures)]
    if family.kind != "histogram":
        name = family.prometheus + ("_total" if family.kind == "counter" else "")
        yield _numbers(name, family, "", [(dict(labels), value) for labels, value in samples], span)
        return
    times = [(labels, value) for labels, value in samples if isinstance(value, Times)]
    buckets = [
        ({**labels, "le": edge}, count)
        for labels, value in times
        for edge, count in zip(EDGES, accumulate(value.counts), strict=True)
    ]
    yield _numbers(f"{family.prometheus}_bucket", family, "", buckets, span)
    yield _numbers(f"{family.prometheus}_sum", family, "", [(dict(each), value.sum_s) for each, value in times], span)
    yield _numbers(f"{family.prometheus}_count", family, "", [(dict(each), value.count) for each, value in times], span)


def _numbers(
    name: str, family: Family, unit: str, samples: Sequence[tuple[Mapping[str, str], Any]], span: Span
) -> Metric:
    points = [NumberDataPoint(labels, *span, value) for labels, value in samples]
    is_gauge = family.kind == "gauge"
    return Metric(name, family.told, unit, Gauge(points) if is_gauge else Sum(points, _CUMULATIVE, is_monotonic=True))


def _histogram(attributes: Mapping[str, str], times: Times, span: Span) -> HistogramDataPoint:
    exemplars = [
        Exemplar({}, each.value_s, each.at_ns, int(each.span_id, 16), int(each.trace_id, 16))
        for each in times.exemplars
    ]
    return HistogramDataPoint(
        attributes, *span, times.count, times.sum_s, times.counts, BOUNDS_S, times.min_s, times.max_s, exemplars
    )
