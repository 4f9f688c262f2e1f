"""A run's numbers, counted from its rows by a program that shares no code with the summary.

Histograms round to 0.1 % and to microseconds; everything else must be exact.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Row = dict[str, Any]

_QUANTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p95_ns": 0.95, "p99_ns": 0.99, "p999_ns": 0.999}
HTTP_401 = 401
_ROUNDING = 0.001
_UNIT_NS = 1_000


def differences(summary: Mapping[str, Any], table: pa.Table) -> list[str]:
    """Everything in which a summary and the rows of its run differ; nothing in a good run."""
    rows = table.to_pylist()
    steady = [row for row in rows if row["phase"] == "steady"]
    found: list[str] = []
    spans = {scenario["name"]: scenario for scenario in summary["load"]["scenarios"]}
    for entry in summary["steps"]:
        of_step = steady if entry["section"] == "main" else rows
        mine = [row for row in of_step if (row["scenario"], row["step"]) == (entry["scenario"], entry["name"])]
        found += _compare_step(entry, mine)
        everywhere = [row for row in rows if (row["scenario"], row["step"]) == (entry["scenario"], entry["name"])]
        if entry["section"] == "main":
            span = spans[entry["scenario"]]
            everywhere = [row for row in everywhere if _ended_within(row, span)]
            found += _compare_rates(entry, everywhere, span["steady_s"])
        else:
            found += _compare_rates(entry, everywhere, summary["duration_s"])
    main = {(entry["scenario"], entry["name"]) for entry in summary["steps"] if entry["section"] == "main"}
    found += _compare_step(summary["all"], [row for row in steady if (row["scenario"], row["step"]) in main])
    of_main = [row for row in rows if (row["scenario"], row["step"]) in main]
    within = [row for row in of_main if _ended_within(row, spans[row["scenario"]])]
    found += _compare_rates(summary["all"], within, summary["steady_s"])
    found += _compare_requests(summary["load"]["requests"], rows)
    found += _compare_phases(summary["phases"], [row for row in rows if (row["scenario"], row["step"]) in main])
    return [*found, *_compare_errors(summary["errors"], rows), *_compare_workers(summary["client"]["workers"], rows)]


def _ended_within(row: Row, span: dict[str, Any]) -> bool:
    """Whether a request ended in the measured part of its scenario."""
    begin_ns = round(span["steady_from_s"] * 1e9)
    return bool(begin_ns <= row["offset_ns"] + row["response_ns"] < begin_ns + round(span["steady_s"] * 1e9))


def _compare_rates(entry: Row, ended: list[Row], seconds: float) -> list[str]:
    """Rates are of what ended in the span, whenever it was due."""
    expected = {
        "answered": sum(row["outcome"] == "ok" for row in ended),
        "failed": sum(row["outcome"] not in {"ok", "interrupted"} for row in ended),
    }
    found = [
        f"{entry['name']}.{key}: {entry[key]}, not {value}" for key, value in expected.items() if entry[key] != value
    ]
    if not math.isclose(entry["requests_per_s"], expected["answered"] / seconds):
        found.append(f"{entry['name']}.requests_per_s")
    return found


def _compare_step(entry: Row, rows: list[Row]) -> list[str]:
    expected = {
        "requests": len(rows),
        "errors": sum(row["error"] for row in rows),
        "judged": sum(not row["superseded"] and row["outcome"] != "interrupted" for row in rows),
        "unanswered": sum(row["outcome"] not in {"ok", "interrupted"} for row in rows),
        "interrupted": sum(row["outcome"] == "interrupted" for row in rows),
        "hops": sum(row["superseded"] and row["status"] != HTTP_401 for row in rows),
        "repeats": sum(row["superseded"] and row["status"] == HTTP_401 for row in rows),
        "outcomes": dict(sorted(Counter(row["outcome"] for row in rows).items())),
        "error_statuses": {str(key): count for key, count in sorted(Counter(_error_statuses(rows)).items())},
        "statuses": {str(key): count for key, count in sorted(Counter(_statuses(rows)).items())},
        "attempts": sum(row["attempts"] for row in rows),
        "not_sent": sum(row["service_ns"] is None for row in rows),
        "connections": sum(row["connect_ns"] is not None for row in rows),
        "bytes_sent": sum(row["bytes_sent"] for row in rows),
        "bytes_received": sum(row["bytes_received"] for row in rows),
    }
    found = [
        f"{entry['name']}.{key}: {entry[key]} is not {value}" for key, value in expected.items() if entry[key] != value
    ]
    found += [] if entry["error_rate"] == _error_rate(expected) else [f"{entry['name']}.error_rate"]
    # What the end of the run cut off says nothing about the target.
    sent = [row for row in rows if row["service_ns"] is not None and row["outcome"] != "interrupted"]
    for name in ("service", "response", "ttfb"):
        found += _compare_times(f"{entry['name']}.{name}", entry[name], [row[f"{name}_ns"] for row in sent], name)
    return found


def _statuses(rows: list[Row]) -> list[int]:
    return [row["status"] for row in rows if row["outcome"] == "ok"]


def _error_statuses(rows: list[Row]) -> list[int]:
    return [row["status"] for row in rows if row["outcome"] == "ok" and row["error"]]


def _error_rate(expected: Row) -> float | None:
    return expected["errors"] / expected["judged"] if expected["judged"] else None


def _compare_times(what: str, entry: Row, times: list[int | None], name: str) -> list[str]:
    known = sorted(time for time in times if time is not None)
    if not known:
        return [] if set(entry.values()) == {None} else [f"{what} has numbers without requests"]
    expected = {key: known[max(0, math.ceil(q * len(known)) - 1)] for key, q in _QUANTILES.items()}
    expected |= {"min_ns": known[0], "max_ns": known[-1]}
    found = [
        f"{what}.{key}: {entry[key]} is not {value}"
        for key, value in expected.items()
        if abs(entry[key] - value) > value * _ROUNDING + _UNIT_NS
    ]
    mean = sum(known) / len(known)
    allowed = mean * _ROUNDING + _UNIT_NS if name == "ttfb" else 1
    return (
        found
        if abs(entry["mean_ns"] - mean) <= allowed
        else [*found, f"{what}.mean_ns: {entry['mean_ns']} is not {mean}"]
    )


def _compare_requests(entry: Row, rows: list[Row]) -> list[str]:
    expected = {
        "recorded": len(rows),
        "rows": len(rows),
        "sent_total": sum(row["attempts"] for row in rows),
        "not_sent": sum(row["service_ns"] is None for row in rows),
        "unanswered": sum(row["outcome"] not in {"ok", "interrupted"} for row in rows),
        "interrupted": sum(row["outcome"] == "interrupted" for row in rows),
        "sent_again": sum(max(row["attempts"] - 1, 0) for row in rows),
    }
    return [
        f"load.requests.{key}: {entry[key]} is not {value}" for key, value in expected.items() if entry[key] != value
    ]


def _compare_phases(phases: dict[str, Row], rows: list[Row]) -> list[str]:
    found = []
    for phase, entry in phases.items():
        mine = [row for row in rows if row["phase"] == phase]
        if (entry["requests"], entry["errors"]) != (len(mine), sum(row["error"] for row in mine)):
            found.append(f"phases.{phase}")
    return found


def _compare_errors(entries: list[Row], rows: list[Row]) -> list[str]:
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        where = (row["scenario"], row["step"], row["phase"])
        if row["error"]:
            answered = row["outcome"] == "ok"
            counted[*where, None if answered else row["outcome"], row["status"] if answered else None] += 1
    keys = ("scenario", "step", "phase", "outcome", "status")
    listed = {tuple(entry[key] for key in keys): entry["count"] for entry in entries}
    return [] if listed == counted else [f"errors: {listed} is not {dict(counted)}"]


def _compare_workers(entries: list[Row], rows: list[Row]) -> list[str]:
    counted = Counter(row["worker"] for row in rows)
    lags = {entry["worker"]: [_own_lag(row) for row in rows if row["worker"] == entry["worker"]] for entry in entries}
    found = [f"worker {entry['worker']}.rows" for entry in entries if entry["rows"] != counted[entry["worker"]]]
    for entry in entries:
        sent = [
            lag for lag, row in zip(lags[entry["worker"]], _of(rows, entry["worker"]), strict=True) if row["attempts"]
        ]
        if sent and entry["lag_max_ns"] != max(sent):
            found.append(f"worker {entry['worker']}.lag_max_ns: {entry['lag_max_ns']} is not {max(sent)}")
    return found


def _of(rows: list[Row], worker: int) -> list[Row]:
    return [row for row in rows if row["worker"] == worker]


def _own_lag(row: Row) -> int:
    """Due to send, less what it took to connect: the client's own part."""
    return int(row["lag_ns"]) - sum(int(row[part] or 0) for part in ("dns_ns", "connect_ns", "tls_ns"))
