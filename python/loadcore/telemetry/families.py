"""The metrics by name: what they are called for Prometheus and for OpenTelemetry, and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loadcore.telemetry.measures import Measures, StepMeasures, Times

    Labels = Mapping[str, str]
    Samples = Iterator[tuple[Labels, float | Times]]

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric.

    Attributes:
        kind: What it is.
        prometheus: Its name for Prometheus, a counter's without `_total`.
        otel: Its name for OpenTelemetry.
        unit: Its unit, as OpenTelemetry writes units.
        told: What it is, in a sentence.
        samples: Its values with their labels.
    """

    kind: Kind
    prometheus: str
    otel: str
    unit: str
    told: str
    samples: Callable[[Measures], Samples]


OTEL_LABELS: Final[Mapping[str, str]] = {
    "step": "url.template",
    "method": "http.request.method",
    "status": "http.response.status_code",
    "outcome": "loadcore.outcome",
    "scenario": "loadcore.scenario",
    "section": "loadcore.section",
    "end": "loadcore.end",
    "change": "loadcore.change",
    "worker": "loadcore.worker",
}
"""What labels are called for OpenTelemetry, where its conventions have a name for them."""


def _of(step: StepMeasures) -> dict[str, str]:
    return {"scenario": step.scenario, "section": step.section, "step": step.step, "method": step.method}


def _requests(measures: Measures) -> Samples:
    for step in measures.steps:
        for outcome, count in step.outcomes.items():
            yield {**_of(step), "outcome": outcome}, count


def _responses(measures: Measures) -> Samples:
    for step in measures.steps:
        for status, count in step.statuses.items():
            yield {**_of(step), "status": str(status)}, count


def _by_step(value: Callable[[StepMeasures], float | Times]) -> Callable[[Measures], Samples]:
    return lambda measures: ((_of(step), value(step)) for step in measures.steps)


FAMILIES: Final = (
    Family("counter", "loadcore_requests", "loadcore.requests", "{request}", "Requests by outcome.", _requests),
    Family("counter", "loadcore_responses", "loadcore.responses", "{response}", "Responses by status.", _responses),
    Family(
        "counter",
        "loadcore_request_errors",
        "loadcore.request.errors",
        "{request}",
        "Requests that are errors: no whole response, or a status that the step does not expect.",
        _by_step(lambda step: step.errors),
    ),
    Family(
        "histogram",
        "loadcore_service_seconds",
        "http.client.request.duration",
        "s",
        "Service time: from sent to the last byte.",
        _by_step(lambda step: step.service),
    ),
    Family(
        "histogram",
        "loadcore_response_seconds",
        "loadcore.response.duration",
        "s",
        "Response time: from due to the last byte.",
        _by_step(lambda step: step.response),
    ),
    Family(
        "counter",
        "loadcore_sent_bytes",
        "loadcore.sent",
        "By",
        "Bytes sent.",
        _by_step(lambda step: step.sent_bytes),
    ),
    Family(
        "counter",
        "loadcore_received_bytes",
        "loadcore.received",
        "By",
        "Bytes received.",
        _by_step(lambda step: step.received_bytes),
    ),
    Family(
        "counter",
        "loadcore_iterations",
        "loadcore.iterations",
        "{iteration}",
        "Iterations by their end.",
        lambda measures: (
            ({"scenario": scenario, "end": end}, count) for (scenario, end), count in measures.iterations.items()
        ),
    ),
    Family(
        "gauge",
        "loadcore_users",
        "loadcore.users",
        "{user}",
        "Users that are active.",
        lambda measures: (({"scenario": scenario}, count) for scenario, count in measures.users.items()),
    ),
    Family(
        "counter",
        "loadcore_load_changes",
        "loadcore.load.changes",
        "{change}",
        "Changes of the load while it ran: pause, resume, users, rate.",
        lambda measures: (
            ({"scenario": scenario, "change": change}, count) for (scenario, change), count in measures.changes.items()
        ),
    ),
    Family(
        "gauge",
        "loadcore_paused",
        "loadcore.paused",
        "{scenario}",
        "1 while a scenario is paused, 0 otherwise.",
        lambda measures: (({"scenario": scenario}, int(paused)) for scenario, paused in measures.paused.items()),
    ),
    Family(
        "gauge",
        "loadcore_ordered_users",
        "loadcore.ordered.users",
        "{user}",
        "Users that were ordered while it ran, in place of those of the load model.",
        lambda measures: (({"scenario": scenario}, users) for scenario, users in measures.ordered_users.items()),
    ),
    Family(
        "gauge",
        "loadcore_ordered_iterations_per_second",
        "loadcore.ordered.rate",
        "{iteration}/s",
        "Rate that was ordered while it ran, in place of that of the load model.",
        lambda measures: (({"scenario": scenario}, per_s) for scenario, per_s in measures.ordered_per_s.items()),
    ),
    Family(
        "gauge",
        "loadcore_client_cpu_ratio",
        "loadcore.client.cpu",
        "1",
        "CPU of a worker's engine in the last second, of one core.",
        lambda measures: (({"worker": str(worker)}, ratio) for worker, ratio in measures.client_cpu.items()),
    ),
    Family(
        "gauge",
        "loadcore_client_lag_p99_seconds",
        "loadcore.client.lag.p99",
        "s",
        "How late a worker sends: the 99th percentile since the start.",
        lambda measures: (({"worker": str(worker)}, late) for worker, late in measures.client_lag_p99_s.items()),
    ),
    Family(
        "counter",
        "loadcore_rows_dropped",
        "loadcore.rows.dropped",
        "{row}",
        "Rows that came too fast for the writer.",
        lambda measures: iter([({}, measures.rows_dropped)]),
    ),
)
"""All metrics. URLs, users and bodies are never labels."""
