"""The page of the gateway under load, and who it names as the bottleneck."""

from __future__ import annotations

import os
from typing import Any

import pytest

from loadcore_target.benches import page
from loadcore_target.benches.cases import DEPLOYMENTS, fitting
from loadcore_target.benches.measuring import Reached, Use, bottleneck
from loadcore_target.tests.running import REPOSITORY

IDLE = Use(busiest=0.2, machine=0.5, foreign=0.1)


def row(**changes: Any) -> dict[str, Any]:
    """A measured case."""
    usual = {
        "deployment": "one gateway, 1 worker", "cached": True, "users": 100, "requests": 1000, "success": 1.0,
        "requests_per_s": 49.0, "expected_per_s": 49.0, "mean_ms": 41.0, "p50_ms": 3.0, "p95_ms": 104.0,
        "p99_ms": 110.0, "client_cores": 0.03, "busiest_worker": 0.1, "target_cores": 0.2, "foreign_cores": 0.0,
        "users_lost": 0, "sent": 1100, "received": 1100, "bottleneck": "the users' pauses",
        "ramp_s": 10, "steady_s": 20,
    }  # fmt: skip
    return {**usual, **changes}


def test_then_and_now() -> None:
    """The earlier test's figures are beside those of the first deployment with its cache on."""
    text = page.write({"cases": [row(), row(users=200), row(cached=False)]}, {"cases": {"kernel": "6"}})
    assert "| 100 | 100% | 46 | 118 | 210 | 100.00% | 49 | 41 | 104 |" in text
    assert "| 200 | 0% |  |  |  | 100.00% | 49 | 41 | 104 |" in text
    goal = page.write({"cases": [row(users=1000)]}, {"cases": {}})
    assert "| 1000, its goal | > 95% | 400 to 500 | 200 to 500 |  | 100.00% | 49 | 41 | 104 |" in goal
    assert "## Cache on" in text
    assert "## Cache off" in text
    assert "received exactly as many requests as loadcore sent" in text


def test_the_page_does_not_hide_what_is_wrong() -> None:
    """Unequal counts, a rate off the formula and foreign load are derived from the rows."""
    text = page.write({"cases": [row(received=1099), row(requests_per_s=44.1, foreign_cores=0.5)]}, {"cases": {}})
    assert "In 1 of 2 cases the replicas did not receive what loadcore sent" in text
    assert "within 10.0% of the formula" in text
    assert "In 1 of 2 cases other programs used more than 15% of a core" in text


def test_deployments_that_are_left_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four workers say something only with four cores; a page from fewer says so, and names what was not measured."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert "one gateway, 4 workers" not in [deployment.name for deployment in fitting(DEPLOYMENTS)]
    text = page.write({"cases": [row()]}, {"cases": {}})
    assert "- one gateway, 4 workers: it needs 4 cores, and here are 2" in text
    assert "- 3 replicas, nginx: not measured" in text
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert fitting(DEPLOYMENTS) == list(DEPLOYMENTS)


@pytest.mark.parametrize(
    ("reasons", "reached", "use", "expected"),
    [
        ([{"message": "it was late"}], Reached(1.0, 9_000), IDLE, "the client: it was late"),
        ([], Reached(0.99, 9_000), Use(0.95, 2.0, 1.0), "the users' pauses"),
        ([], Reached(0.94, 280), IDLE, "the users' pauses"),
        ([], Reached(0.94, 9_000), IDLE, "waiting: no process and no core is busy"),
        ([], Reached(0.8, 9_000), Use(0.97, 1.5, 0.1), "the gateway: a process uses 97% of a core"),
        ([], Reached(0.8, 9_000), Use(0.5, 1.9, 1.2), "the machine: 1.9 cores are busy, 1.2 of them by other programs"),
        ([], Reached(0.8, 9_000), IDLE, "waiting: no process and no core is busy"),
    ],
)
def test_who_was_the_limit(reasons: list[dict[str, str]], reached: Reached, use: Use, expected: str) -> None:
    """The client's own verdict comes first; a rate that was reached needs no other culprit than the users."""
    assert bottleneck(reasons, reached, use, cores=2) == expected


def test_the_gateway_uses_what_loadcore_publishes() -> None:
    """Neither the gateway nor its benches reach into loadcore's command line: they start programs, as users do."""
    sources = [file for file in (REPOSITORY / "target_api").rglob("*.py") if "tests" not in file.parts]
    assert len(sources) > 60
    assert [file.name for file in sources if "loadcore.cli" in file.read_text("utf-8")] == []
