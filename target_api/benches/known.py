"""What is known of the gateway beforehand, and whether loadcore finds it there: a capacity, a login storm, stalls."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import loadcore
from loadcore import Scenario, arrival_rate, get, oauth2_password, rows_feeder, think, users
from loadcore_target.benches.deployed import gateway
from loadcore_target.benches.same_server import logged, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loadcore.results.open.run import Run
    from loadcore_target.benches.deployed import Deployed

CAPACITY = 200
OWASP = {"GATEWAY_HASH__TIME_COST": "2", "GATEWAY_HASH__MEMORY_KIB": "19456", "GATEWAY_HASH__PARALLELISM": "1"}
"""What OWASP recommends for argon2id: about 20 ms of CPU a password."""
STALL_S, STALL_EVERY_S = 2, 10
_ARRIVALS_PER_S = 50


@dataclass(frozen=True)
class Finding:
    """One figure.

    Attributes:
        case: Of which of the three.
        figure: What it is.
        must: What it has to be, in words; empty if it is only told.
        found: What it was.
        unit: Its unit.
        holds: Whether it is what it has to be.
    """

    case: str
    figure: str
    must: str
    found: float
    unit: str
    holds: bool = True


def rows(*, quick: bool) -> list[dict[str, Any]]:
    """All findings, as they are kept."""
    findings = [*capacity(4 if quick else 10), *storm(40 if quick else 300), *stall(periods=1 if quick else 3)]
    for finding in findings:
        must = f" (must be {finding.must})" if finding.must else ""
        print(f"{finding.case}, {finding.figure}: {finding.found:.1f} {finding.unit}{must}", flush=True)
    return [asdict(finding) for finding in findings]


def capacity(seconds: int) -> list[Finding]:
    """Asks a gateway that serves a fixed number of requests a second for twice as many."""
    with gateway("--users", "0", "--items", "1", "--capacity", f"{CAPACITY}/s") as running:
        load = arrival_rate(f"{2 * CAPACITY}/s", duration=f"{seconds}s", max_users=2 * CAPACITY * seconds)
        scenario = Scenario("knee", base_url=running.url, load=load, steps=[get("/bytes/10")])
        with _carried_out(scenario, graceful_stop=f"{2 * seconds}s") as run:
            answers = run.requests.select(["offset_ns", "response_ns"]).to_pylist()
    ends = [(row["offset_ns"] + row["response_ns"]) / 1e9 for row in answers]
    rate = sum(1 <= end < seconds for end in ends) / (seconds - 1)
    near = abs(rate / CAPACITY - 1) <= 0.05
    return [Finding("capacity", "answers per second", f"{CAPACITY} ± 5 %", rate, "/s", near)]


def storm(count: int) -> list[Finding]:
    """Lets users log in at once whose passwords cost what OWASP recommends; who is in uses the API meanwhile."""
    accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(count)]
    # All are in by then, even with a third of the logins that one core can do in a second.
    seconds = max(4, count // 15)
    with gateway("--users", str(count), "--items", "10", environment=OWASP) as running:
        scenario = Scenario(
            "storm",
            base_url=running.url,
            load=users(count, duration=f"{seconds}s"),
            auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
            feeders=[rows_feeder(accounts, order="per_user")],
            steps=[get("/users/me", name="me"), think("1s", "3s")],
        )
        with _carried_out(scenario) as run:
            steps = {step["section"]: step for step in run.summary["steps"]}
            requests = run.requests.select(["step", "offset_ns", "response_ns"]).to_pylist()
    login, api = steps["auth"], steps["main"]
    last_s = max((row["offset_ns"] + row["response_ns"]) / 1e9 for row in requests if row["step"] != "me")
    apart = api["response"]["p50_ns"] < login["response"]["p50_ns"] / 5
    in_time = login["requests"] == count and not login["errors"] + api["errors"]
    return [
        Finding("storm", f"tokens handed out, to {count} users at once", f"{count}", login["requests"], "", in_time),
        Finding("storm", "logins per second", "", login["requests"] / last_s, "/s"),
        Finding("storm", "login, p50", "", login["response"]["p50_ns"] / 1e6, "ms"),
        Finding("storm", "login, p95", "", login["response"]["p95_ns"] / 1e6, "ms"),
        Finding(
            "storm",
            "GET /users/me, p50",
            "a fifth of the login's at most",
            api["response"]["p50_ns"] / 1e6,
            "ms",
            apart,
        ),
        Finding("storm", "GET /users/me, p95", "", api["response"]["p95_ns"] / 1e6, "ms"),
    ]


def stall(periods: int) -> list[Finding]:
    """Asks at a constant rate, and beside that as one who waits for each answer, a gateway that stalls."""
    duration = f"{periods * STALL_EVERY_S}s"
    open_load = arrival_rate(f"{_ARRIVALS_PER_S}/s", duration=duration, max_users=_ARRIVALS_PER_S * 2 * STALL_S)
    with gateway("--users", "0", "--items", "1") as running:
        _program(running, {"stall": f"{STALL_S}s", "stall_every": f"{STALL_EVERY_S}s"})
        step = get("/bytes/10")
        scenarios = [
            Scenario("open", base_url=running.url, load=open_load, steps=[step]),
            Scenario("closed", base_url=running.url, load=users(1, duration=duration), steps=[step, think("10ms")]),
        ]
        with _carried_out(*scenarios) as run:
            steps = {each["scenario"]: each for each in run.summary["steps"]}
        own = nearest([(row.duration_s or 0.0) * 1e3 for row in logged(running)], 0.99)
    slow = steps["open"]["response"]["p99_ns"] / 1e6
    closed = steps["closed"]["service"]["p99_ns"] / 1e6
    return [
        Finding("stall", "response time at a constant rate, p99", "1,000 ms at least", slow, "ms", slow >= 1000),
        Finding("stall", "service time of a closed loop, p99", "less than 200 ms", closed, "ms", closed < 200),
        Finding("stall", "the gateway's own time, p99", "less than 200 ms", own, "ms", own < 200),
    ]


@contextmanager
def _carried_out(*scenarios: Scenario, graceful_stop: str = "10s") -> Iterator[Run]:
    """A run of them by one worker; its folder is there for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        yield loadcore.run(scenarios, workers=1, out=f"{folder}/run", seed=1, graceful_stop=graceful_stop)


def _program(running: Deployed, program: Mapping[str, str]) -> None:
    """Sets the gateway's faults."""
    request = urllib.request.Request(f"{running.url}/_admin/faults", json.dumps(program).encode(), method="PUT")
    request.add_header("Authorization", f"Bearer {running.admin_token}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10):
        pass
