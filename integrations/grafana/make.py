"""Writes the two dashboards beside it: `python integrations/grafana/make.py`.

They are the same but for the names of metrics and labels: those that Prometheus scrapes or gets by remote write, and
those that it makes of what OpenTelemetry pushes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from loadcore.telemetry.families import FAMILIES, OTEL_LABELS, Family

FOLDER: Final = Path(__file__).parent
_RATE: Final = "[$__rate_interval]"
_UNITS: Final = {"s": "_seconds", "By": "_bytes", "1": "_ratio", "{iteration}/s": "_per_second"}
_CHOSEN: Final = '{scenario=~"$scenario"}'


def _rate(metric: str, by: str = "") -> str:
    """The rate of a counter, summed."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{_CHOSEN}{_RATE}))"


def _quantile(quantile: float, metric: str, by: str = "le") -> str:
    return f"histogram_quantile({quantile}, sum by ({by}) (rate({metric}_bucket{_CHOSEN}{_RATE})))"


_QUANTILES: Final = (0.5, 0.95, 0.99)
_ERRORS: Final = f"{_rate('loadcore_request_errors_total', 'step')} / {_rate('loadcore_requests_total', 'step')}"
PANELS: Final = (
    ("Requests by outcome", "reqps", [(_rate("loadcore_requests_total", "outcome"), "{{outcome}}")]),
    ("Errors", "percentunit", [(_ERRORS, "{{step}}")]),
    (
        "Response time (due to last byte)",
        "s",
        [(_quantile(each, "loadcore_response_seconds"), f"p{100 * each:g}") for each in _QUANTILES],
    ),
    ("p95 by step", "s", [(_quantile(0.95, "loadcore_response_seconds", "le, step"), "{{step}}")]),
    (
        "Service time (sent to last byte)",
        "s",
        [(_quantile(each, "loadcore_service_seconds"), f"p{100 * each:g}") for each in _QUANTILES],
    ),
    ("Responses by status", "reqps", [(_rate("loadcore_responses_total", "status"), "{{status}}")]),
    (
        "Users",
        "short",
        [
            (f"sum by (scenario) (loadcore_users{_CHOSEN})", "{{scenario}}"),
            (f"max by (scenario) (loadcore_ordered_users{_CHOSEN})", "{{scenario}}, ordered"),
        ],
    ),
    (
        "Iterations",
        "ops",
        [
            (_rate("loadcore_iterations_total", "end"), "{{end}}"),
            (f"max by (scenario) (loadcore_ordered_iterations_per_second{_CHOSEN})", "{{scenario}}, ordered"),
        ],
    ),
    (
        "Changes of the load",
        "short",
        [
            (f"sum by (change) (loadcore_load_changes_total{_CHOSEN})", "{{change}}"),
            (f"max by (scenario) (loadcore_paused{_CHOSEN})", "{{scenario}} is paused"),
        ],
    ),
    (
        "Bytes",
        "Bps",
        [(_rate("loadcore_sent_bytes_total"), "sent"), (_rate("loadcore_received_bytes_total"), "received")],
    ),
    ("Client: CPU of each worker", "percentunit", [("loadcore_client_cpu_ratio", "worker {{worker}}")]),
    ("Client: lag (p99)", "s", [("loadcore_client_lag_p99_seconds", "worker {{worker}}")]),
    ("Client: rows that were dropped", "short", [("loadcore_rows_dropped_total", "rows")]),
)
"""Title, unit, and queries with their legends, in the names of Prometheus."""


def translated(name: str) -> str:
    """A name of OpenTelemetry as Prometheus writes it."""
    return re.sub(r"\W", "_", name)


def otel_name(family: Family) -> str:
    """What Prometheus calls a metric that was pushed by OTLP: with its unit, and what a counter ends with."""
    name = translated(family.otel) + _UNITS.get(family.unit, "")
    return f"{name}_total" if family.kind == "counter" else name


def for_otel(query: str) -> str:
    """A query in the names that Prometheus makes of OTLP."""
    for family in sorted(FAMILIES, key=lambda family: -len(family.prometheus)):
        suffix = "_total" if family.kind == "counter" else ""
        query = re.sub(rf"\b{family.prometheus}{suffix}(?=\b|_bucket)", otel_name(family), query)
    for label, name in OTEL_LABELS.items():
        query = re.sub(rf"(?<![\w$\"]){label}(?=[,)=}}])", translated(name), query)
    return query


def dashboard(*, otel: bool) -> dict[str, Any]:
    """A dashboard, as Grafana imports it."""

    def named(text: str) -> str:
        return for_otel(text) if otel else text

    source = {"type": "prometheus", "uid": "${source}"}
    label, users = named("{scenario}")[1:-1], named("loadcore_users")
    return {
        "title": f"loadcore{' (OpenTelemetry)' if otel else ''}",
        "uid": f"loadcore{'-otel' if otel else ''}",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "tags": ["loadcore"],
        "templating": {
            "list": [
                {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                {
                    "name": "scenario",
                    "type": "query",
                    "datasource": source,
                    "query": f"label_values({users}, {label})",
                    "includeAll": True,
                    "multi": True,
                    "allValue": ".*",
                    "current": {"text": "All", "value": "$__all"},
                    "refresh": 2,
                },
            ]
        },
        "panels": [
            _panel(place, title, unit, [(named(query), named(legend)) for query, legend in queries])
            for place, (title, unit, queries) in enumerate(PANELS)
        ],
    }


def _panel(place: int, title: str, unit: str, queries: list[tuple[str, str]]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"x": place % 2 * 12, "y": place // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": source, "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(queries)
        ],
    }


def documents() -> dict[str, str]:
    """The files by name."""
    both = {"loadcore.json": False, "loadcore-otel.json": True}
    return {name: json.dumps(dashboard(otel=otel), indent=2) + "\n" for name, otel in both.items()}


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
