"""A gateway whose limits are known: a run finds them where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import loadcore
from loadcore import Scenario, arrival_rate, get, oauth2_password, rows_feeder, think, users
from loadcore_target.benches import known
from loadcore_target.tests.running import RunningGateway

if TYPE_CHECKING:
    from pathlib import Path

CAPACITY = 200
OWASP = {"GATEWAY_HASH__TIME_COST": "2", "GATEWAY_HASH__MEMORY_KIB": "19456", "GATEWAY_HASH__PARALLELISM": "1"}
LOGINS = 60


def test_a_capacity_is_found(tmp_path: Path) -> None:
    """Asked for twice its capacity, a target answers that much, within 5 %; the rest waits, and is seen to."""
    with RunningGateway("--users", "0", "--items", "1", "--capacity", f"{CAPACITY}/s") as target:
        scenario = Scenario(
            "knee",
            base_url=target.url,
            load=arrival_rate(f"{2 * CAPACITY}/s", duration="6s", max_users=3000),
            steps=[get("/bytes/10", name="bytes")],
        )
        run = loadcore.run(scenario, workers=1, out=tmp_path / "run", seed=1, graceful_stop="20s")
        rows = run.requests.select(["offset_ns", "response_ns", "error"]).to_pylist()
        assert not any(row["error"] for row in rows)
        assert target.truth()["routes"]["GET /bytes/{size}"] == len(rows) == 2 * CAPACITY * 6
    ends = [(row["offset_ns"] + row["response_ns"]) / 1e9 for row in rows]
    rate = sum(1 <= end < 6 for end in ends) / 5
    assert abs(rate / CAPACITY - 1) <= 0.05
    # The last one was due after 6 s and answered when 12 s of work were done.
    assert abs(max(ends) / (2 * 6) - 1) <= 0.05
    assert run.summary["all"]["response"]["p99_ns"] >= 5e9


def test_a_login_storm_stands_apart(tmp_path: Path) -> None:
    """With an expensive password hash the token calls are slow, and the API's own times are not made slow by them."""
    arguments = ("--users", str(LOGINS), "--items", "10")
    with RunningGateway(*arguments, environment=OWASP) as target:
        accounts = [{"username": f"user-{number:04}", "password": f"password-{number:04}"} for number in range(LOGINS)]
        scenario = Scenario(
            "storm",
            base_url=target.url,
            load=users(LOGINS, duration="6s"),
            warm_up="4s",
            auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
            feeders=[rows_feeder(accounts, order="per_user")],
            steps=[get("/users/me", name="me"), think("100ms", "300ms")],
        )
        run = loadcore.run(scenario, workers=1, out=tmp_path / "run", seed=1)
        truth = target.truth()["routes"]
    steps = {step["section"]: step for step in run.summary["steps"]}
    assert truth["POST /auth/token"] == LOGINS == steps["auth"]["requests"]
    assert steps["auth"]["errors"] == steps["main"]["errors"] == 0
    # 60 hashes of 20 ms and more, by one thread a core: the last one waits for all before it.
    assert steps["auth"]["response"]["p99_ns"] >= 300e6
    assert steps["main"]["response"]["p50_ns"] < steps["auth"]["response"]["p50_ns"] / 5
    assert truth["GET /users/me"] == sum(row["step"] == "me" for row in run.requests.to_pylist())


@pytest.mark.slow
def test_stalls_are_found_by_who_does_not_wait() -> None:
    """Two seconds of nothing in ten are in an open model's response times; a closed loop and the server miss them."""
    found = {finding.figure: finding.found for finding in known.stall(periods=1)}
    assert found["response time at a constant rate, p99"] >= 1000
    assert found["service time of a closed loop, p99"] < 200
    assert found["the gateway's own time, p99"] < 200
