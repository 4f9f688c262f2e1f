"""Metrics for Prometheus to scrape."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from loadcore.errors import UsageError
from loadcore.telemetry.exporting import Exporter
from loadcore.telemetry.families import FAMILIES, Family
from loadcore.telemetry.measures import EDGES, Times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from loadcore.telemetry.measures import Measures


class Scraped(Exporter, Collector):
    """Serves the metrics of a run over HTTP, at `/metrics`, as long as it lasts.

    Args:
        host: The address to listen on.
        port: The port; 0 for any that is free.
        name: What the run is called.

    Raises:
        UsageError: The address cannot be listened on.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__()
        self._name = name
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as problem:
            message = f"--prometheus: cannot listen on {host}:{port}: {problem.strerror or problem}"
            raise UsageError(message, hint="name another one, or port 0 for any that is free") from None

    @property
    def address(self) -> str:
        """Where the metrics are."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/metrics"

    def collect(self) -> Iterator[Metric]:
        """The metrics, as Prometheus' client library asks for them."""
        yield InfoMetricFamily("loadcore_run", "The run.", value={"name": self._name})
        for family in FAMILIES:
            yield family_of(family, self.measures)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def family_of(family: Family, measures: Measures) -> Metric:
    """A metric with its values."""
    samples = [*family.samples(measures)]
    names = [*samples[0][0]] if samples else []
    found: Any
    if family.kind == "histogram":
        found = HistogramMetricFamily(family.prometheus, family.told, labels=names)
        for labels, times in samples:
            assert isinstance(times, Times)  # noqa: S101 - for the type checker
            found.add_metric([*labels.values()], buckets=_buckets(times), sum_value=times.sum_s)
        return found  # type: ignore[no-any-return]
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    found = kind(family.prometheus, family.told, labels=names)
    for labels, value in samples:
        found.add_metric([*labels.values()], value)
    return found  # type: ignore[no-any-return]


def _buckets(times: Times) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """The buckets, with what leads from them to traces: OpenMetrics has exemplars, the older format leaves them out."""
    traced = {each.bucket: each for each in times.exemplars}
    found: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    for place, (edge, count) in enumerate(zip(EDGES, map(float, accumulate(times.counts)), strict=True)):
        if (each := traced.get(place)) is None:
            found.append((edge, count))
            continue
        labels = {"trace_id": each.trace_id, "span_id": each.span_id}
        found.append((edge, count, Exemplar(labels, each.value_s, each.at_ns / 1e9)))
    return found
