"""Prometheus metrics; their names are the contract with dashboards and alerts.

With `PROMETHEUS_MULTIPROC_DIR` set (the supervisor does so) every worker writes files there and a scrape sums them, so
a scrape is right whichever worker answers it.
"""

import os
from collections.abc import Iterator

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All metrics of one worker."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "gateway_http_requests", "Requests ended", ["route", "method", "status"], registry=registry
        )
        self.duration = Histogram(
            "gateway_http_request_duration_seconds", "From the head of a request to the end of its response",
            ["route"], buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self.inflight = self._gauge("gateway_http_inflight", "Requests being served, probes not counted")
        self.hash_running = self._gauge("gateway_hash_running", "Password hashes being computed")
        self.hash_waiting = self._gauge("gateway_hash_waiting", "Password hashes waiting for a thread")
        self.db_in_use = self._gauge("gateway_db_pool_in_use", "Database connections checked out")
        self.db_waiting = self._gauge("gateway_db_pool_waiting", "Requests waiting for a database connection or lock")
        self.logins = Counter("gateway_logins", "Password logins", ["result"], registry=registry)
        self.tokens = Counter("gateway_tokens", "Token requests", ["kind", "result"], registry=registry)
        self.cache = Counter("gateway_cache", "Cache look-ups", ["result"], registry=registry)
        self.limited = Counter("gateway_ratelimited", "Requests refused by a rate limit", ["rule"], registry=registry)
        self.unlimited = Counter(
            "gateway_ratelimit_lost", "Requests let through because they could not be counted", ["rule"],
            registry=registry,
        )  # fmt: skip
        self.faults = Counter("gateway_faults", "Injected faults", ["kind"], registry=registry)
        self.upstream_waiting = self._gauge("gateway_upstream_waiting", "Requests waiting for an upstream connection")
        self.upstream_seconds = Histogram(
            "gateway_upstream_seconds", "From sending to the end of an upstream's response", ["service"],
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self.upstream_requests = Counter(
            "gateway_upstream_requests", "Upstream requests ended", ["service", "result"], registry=registry
        )
        self.upstream_retries = Counter(
            "gateway_upstream_retries", "Upstream requests sent again", ["service"], registry=registry
        )
        self.breaker_refused = Counter(
            "gateway_upstream_refused", "Requests refused by an open breaker", ["service"], registry=registry
        )
        self.loop_lag = Gauge(
            "gateway_loop_lag_seconds", "How late the event loop of the slowest worker is",
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self._children: dict[tuple[str, int], Counter] = {}
        self._durations: dict[str, Histogram] = {}

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")

    def ended(self, route: str, status: int, seconds: float) -> None:
        """One request of a route label (`GET /items`) has ended."""
        key = (route, status)
        child = self._children.get(key)
        if child is None:
            method, _, path = route.rpartition(" ")
            child = self.requests.labels(path, method or "-", str(status))
            self._children[key] = child
            self._durations.setdefault(route, self.duration.labels(path))
        child.inc()
        self._durations[route].observe(seconds)

    def render(self, process_ids: list[int], *, draining: bool) -> bytes:
        """The exposition text, summed over all workers."""
        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        registry = self._registry
        if shared:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=shared)  # type: ignore[no-untyped-call]
        extra = CollectorRegistry()
        extra.register(_ProcessCollector(process_ids, draining=draining))
        Info("gateway_build", "Versions", registry=extra).info(_versions())
        return generate_latest(registry) + generate_latest(extra)


class _ProcessCollector(Collector):
    """CPU and memory of each worker: multiprocess mode has no process metrics of its own."""

    def __init__(self, process_ids: list[int], *, draining: bool) -> None:
        self._process_ids = process_ids
        self._draining = draining

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("gateway_draining", "1 while the gateway is about to stop", value=int(self._draining))
        cpu = CounterMetricFamily("gateway_worker_cpu_seconds", "CPU time of a worker", labels=["worker"])
        memory = GaugeMetricFamily("gateway_worker_rss_bytes", "Resident memory of a worker", labels=["worker"])
        for process_id in self._process_ids:
            try:
                process = psutil.Process(process_id)
                times = process.cpu_times()
                resident = process.memory_info().rss
            except psutil.Error:
                continue  # it ended between being listed and being read
            cpu.add_metric([str(process_id)], times.user + times.system)
            memory.add_metric([str(process_id)], resident)
        yield cpu
        yield memory


def _versions() -> dict[str, str]:
    from importlib.metadata import version  # noqa: PLC0415 - only a scrape needs it

    return {name: version(name) for name in ("fastapi", "uvicorn")}
