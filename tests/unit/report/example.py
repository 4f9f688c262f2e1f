"""A summary made by hand, as small as one that has everything can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MS = 1_000_000


def times(p50: float, p95: float, p99: float, highest: float) -> dict[str, int]:
    """Percentiles, given in milliseconds."""
    given = {
        "p50_ns": p50,
        "p90_ns": p95,
        "p95_ns": p95,
        "p99_ns": p99,
        "p999_ns": highest,
        "mean_ns": p50,
        "min_ns": p50 / 2,
        "max_ns": highest,
    }
    return {name: int(value * MS) for name, value in given.items()}


NO_TIMES = dict.fromkeys(times(0, 0, 0, 0))


def step(
    name: str, requests: int, errors: int, response: Mapping[str, int | None], section: str = "main"
) -> dict[str, Any]:
    """A step that ran for two minutes."""
    return {
        "scenario": "checkout",
        "name": name,
        "method": name.split(maxsplit=1)[0],
        "section": section,
        "requests": requests,
        "errors": errors,
        "error_rate": errors / requests if requests else None,
        "answered": requests,
        "requests_per_s": requests / 120,
        "response": response,
        "response_without_lag": response,
        "service": response,
        "ttfb": response,
        "outcomes": {"ok": requests},
        "statuses": {"200": requests - errors},
        "attempts": requests,
        "not_sent": 0,
        "connections": 0,
        "bytes_sent": requests * 90,
        "bytes_received": requests * 200,
        "surplus_bytes": 0,
        "interim": 0,
    }


def error(step: str, count: int, outcome: str | None, status: int | None, first_s: int, last_s: int) -> dict[str, Any]:
    """A kind of error of the steady phase."""
    return {
        "scenario": "checkout",
        "section": "main",
        "step": step,
        "phase": "steady",
        "outcome": outcome,
        "status": status,
        "count": count,
        "first_s": first_s,
        "last_s": last_s,
    }


def failed_run() -> dict[str, Any]:
    """A run that crossed two thresholds because its target broke."""
    return {
        "schema_version": 1,
        "run_id": "01JD9K3V7Q8Y5T2M4N6P8R0S1W",
        "name": "checkout.py",
        "started_at": "2026-11-24T06:30:00+00:00",
        "duration_s": 120.2,
        "steady_s": 120.0,
        "truncated": False,
        "exit_code": 99,
        "verdict": {
            "status": "fail",
            "reasons": ["2 of 4 thresholds crossed: errors.rate < 1%, response.p95 < 250ms"],
            "suspect": [],
            "exit_codes": [99],
        },
        "findings": [],
        "thresholds": [
            {"expression": "errors.rate < 1%", "state": "fail", "value": 0.0387, "limit": 0.01, "unit": "ratio"},
            {"expression": "response.p95 < 250ms", "state": "fail", "value": 388 * MS, "limit": 250 * MS, "unit": "ns"},
            {"expression": "throughput > 400/s", "state": "pass", "value": 4269.4, "limit": 400, "unit": "per_s"},
            {"expression": "users.lost == 0", "state": "pass", "value": 0, "limit": 0, "unit": "count"},
        ],
        "load": {
            "scenarios": [
                {
                    "name": "checkout",
                    "model": "closed",
                    "planned_iterations": None,
                    "base_url": "http://127.0.0.1:8080",
                    "iterations": {
                        "due": 0,
                        "started": 171_115,
                        "completed": 151_262,
                        "failed": 19_830,
                        "dropped": 0,
                        "interrupted": 23,
                    },
                    "users": {"planned": 1000, "peak": 1000, "lost": 0},
                }
            ],
            "requests": {"recorded": 513_331, "sent_total": 513_331, "rows": 513_331, "not_sent": 0, "rows_dropped": 0},
        },
        "steps": [
            step("GET /", 170_212, 170, times(8, 61, 120, 410)),
            step("GET /items/{id}", 171_004, 688, times(11, 144, 302, 1_100)),
            step("POST /checkout", 171_115, 19_165, times(24, 712, 1_400, 3_100)),
            step("POST /auth/token", 1_000, 0, times(21, 35, 61, 92), section="auth"),
        ],
        "all": step("all", 512_331, 20_023, times(12, 388, 741, 3_100)),
        "checks": [
            {"scenario": "checkout", "step": "GET /", "name": "status == 200", "evaluated": 170_212, "failed": 170},
            {"scenario": "checkout", "step": "POST /checkout", "name": "$.id", "evaluated": 151_950, "failed": 0},
        ],
        "groups": [],
        "errors": [
            error("GET /items/{id}", 688, "timeout_headers", None, 84, 119),
            error("POST /checkout", 19_000, None, 503, 68, 119),
            error("POST /checkout", 165, None, 503, 66, 68) | {"phase": "warm_up"},
            error("GET /", 170, "connect_reset", None, 101, 101),
        ],
        "client": {
            "verdict": "healthy",
            "cpu_ratio": 0.56,
            "lag_p50_ns": 20_000,
            "lag_p99_ns": 90_000,
            "lag_max_ns": 900_000,
            "open_fds": 540,
            "fd_limit": 65_536,
            "local_ports": 28_232,
            "foreign_cores": 0.0,
            "foreign_cores_max": 0.0,
            "workers": [{"worker": 0}, {"worker": 1}],
        },
        "phases": {},
        "machine": {},
        "limits": {},
        "versions": {},
        "seed": 1,
        "plan_sha256": "0" * 64,
        "workers_lost": [],
        "signal": None,
    }
