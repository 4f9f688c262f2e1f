"""One case: a deployment that runs, a number of users, and what was seen of client, gateway and machine meanwhile."""

from __future__ import annotations

import math
import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

import loadcore
from loadcore import Scenario, choice, get, oauth2_password, rows_feeder, think, user_stages
from loadcore.live.listeners import Listener
from loadcore_target.benches.cases import THINK_S, THINK_SPREAD, UPSTREAM_S, Deployment, Durations
from loadcore_target.benches.deployed import stack
from loadcore_target.deploy.truth import received

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loadcore.live.frame import Frame
    from loadcore.results.open.run import Run
    from loadcore_target.benches.deployed import Deployed

ACCOUNTS = 1000
_CACHE_S = "30"
_BUSY = 0.9
_REACHED = 0.97


@dataclass(frozen=True)
class Case:
    """What was measured of one case, of the steady phase unless said otherwise.

    Attributes:
        deployment: How the gateway was run.
        cached: Whether it cached answers.
        users: How many there were.
        requests: In the steady phase.
        success: Share of them with a good answer.
        requests_per_s: Their rate.
        expected_per_s: Users / (think time + mean response time).
        mean_ms: Mean response time.
        p50_ms: Median response time.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        client_cores: CPU of loadcore's worker.
        busiest_worker: Cores used by the busiest process of the gateway.
        target_cores: CPU of the gateway, what it shares and the balancer together.
        foreign_cores: CPU that other programs of the machine used.
        users_lost: Users who could not log in, over the whole run.
        sent: Requests of the whole run, logins among them.
        received: Requests that all replicas counted over the whole run.
        bottleneck: What limited the rate.
        ramp_s: Seconds until all users were there.
        steady_s: Seconds that were measured.
    """

    deployment: str
    cached: bool
    users: int
    requests: int
    success: float
    requests_per_s: float
    expected_per_s: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    client_cores: float
    busiest_worker: float
    target_cores: float
    foreign_cores: float
    users_lost: int
    sent: int
    received: int
    bottleneck: str
    ramp_s: int
    steady_s: int

    def row(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


@contextmanager
def deployed(deployment: Deployment, *, cached: bool) -> Iterator[Deployed]:
    """The deployment, for as long as the block runs."""
    settings = {"GATEWAY_CACHE_TTL_S": _CACHE_S if cached else "0"}
    with stack(*deployment.arguments, "--users", str(ACCOUNTS), environment=settings) as running:
        yield running


def measure(running: Deployed, deployment: Deployment, users: int, durations: Durations, *, cached: bool) -> Case:
    """Runs the users and says what was seen."""
    before = sum(received(running.folder).values())
    watch = _Watch(running.pid, durations.ramp_s + durations.settle_s)
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        run = loadcore.run(
            _scenario(running.url, users, durations), workers=1, out=f"{folder}/run", seed=1, listeners=[watch]
        )
        got = sum(received(running.folder).values()) - before
        named: dict[str, Any] = {"deployment": deployment.name, "cached": cached, "users": users, "received": got}
        return _case(run, watch, durations, named)


def _scenario(url: str, users: int, durations: Durations) -> Scenario:
    """Each user logs in once, then asks the gateway, four times of ten through to the upstream."""
    accounts = [{"username": f"user-{number:04}", "password": f"password-{number:04}"} for number in range(ACCOUNTS)]
    hold = f"{durations.settle_s + durations.steady_s}s"
    return Scenario(
        "journey",
        base_url=url,
        load=user_stages((users, f"{durations.ramp_s}s"), (users, hold)),
        warm_up=f"{durations.ramp_s + durations.settle_s}s",
        auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
        feeders=[rows_feeder(accounts, order="per_user")],
        steps=[
            choice(
                (4, [get("/proxy/stub/orders", name="GET /proxy")]),
                (2, [get("/items?limit=20")]),
                (2, [get("/items/{$random(1,1000)}", name="GET /items/{id}")]),
                (2, [get("/users/me")]),
            ),
            think("1s", "3s"),
        ],
    )


class _Watch(Listener):
    """CPU time of the target and of the machine between the end of the warm-up and that of the run.

    Args:
        pid: The target's main process.
        from_second: When the warm-up ends.
    """

    def __init__(self, pid: int, from_second: int) -> None:
        self._main = psutil.Process(pid)
        self._from_second = from_second
        self._first: _Seen | None = None
        self._last: _Seen | None = None

    def on_window(self, _frame: Frame, second: int) -> None:
        """A second is over."""
        if second >= self._from_second - 1:
            self._last = _Seen.now(self._main)
            self._first = self._first or self._last

    @property
    def wall_s(self) -> float:
        """How long was looked at."""
        return self._last.at - self._first.at if self._first and self._last else 0.0

    def target_cores(self) -> dict[int, float]:
        """Cores used by each of the target's processes."""
        first, last = self._both()
        return {pid: (cpu - first.cpu.get(pid, 0.0)) / self.wall_s for pid, cpu in last.cpu.items()}

    def machine_cores(self) -> float:
        """Cores used by everything."""
        first, last = self._both()
        return (last.busy - first.busy) / self.wall_s

    def _both(self) -> tuple[_Seen, _Seen]:
        if self._first is None or self._last is None or self._first is self._last:
            raise RuntimeError("the run was too short to look at anything")
        return self._first, self._last


@dataclass(frozen=True)
class _Seen:
    at: float
    cpu: dict[int, float]
    busy: float

    @classmethod
    def now(cls, main: psutil.Process) -> _Seen:
        cpu = {}
        for process in (main, *main.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue  # it has just ended
            cpu[process.pid] = float(times.user + times.system)
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - machine.iowait - machine.guest - machine.guest_nice
        return cls(time.monotonic(), cpu, float(busy))


def _case(run: Run, watch: _Watch, durations: Durations, named: dict[str, Any]) -> Case:
    steady, client = run.summary["all"], run.summary["client"]
    response = steady["response"]
    users = named["users"]
    mean_s = response["mean_ns"] / 1e9
    by_process = watch.target_cores()
    target = sum(by_process.values())
    client_cores = sum(worker["process_cpu_s"] for worker in client["workers"]) / run.summary["duration_s"]
    foreign = max(0.0, watch.machine_cores() - target - client_cores)
    busiest = max(by_process.values())
    return Case(
        **named,
        requests=steady["requests"],
        success=1 - steady["error_rate"],
        requests_per_s=steady["requests_per_s"],
        expected_per_s=users / (THINK_S + mean_s),
        mean_ms=mean_s * 1e3,
        p50_ms=response["p50_ns"] / 1e6,
        p95_ms=response["p95_ns"] / 1e6,
        p99_ms=response["p99_ns"] / 1e6,
        client_cores=client_cores,
        busiest_worker=busiest,
        target_cores=target,
        foreign_cores=foreign,
        users_lost=sum(scenario["users"]["lost"] for scenario in run.summary["load"]["scenarios"]),
        sent=run.summary["load"]["requests"]["sent_total"],
        bottleneck=bottleneck(
            [finding for finding in run.findings if finding["severity"] == "invalid"],
            Reached(steady["requests_per_s"] / (users / (THINK_S + UPSTREAM_S)), steady["requests"]),
            Use(busiest, target + client_cores + foreign, foreign),
            os.cpu_count() or 1,
        ),
        ramp_s=durations.ramp_s,
        steady_s=durations.steady_s,
    )


@dataclass(frozen=True)
class Use:
    """What was busy in a case, in cores.

    Attributes:
        busiest: The busiest process of the target.
        machine: Everything.
        foreign: What belongs to neither the target nor loadcore.
    """

    busiest: float
    machine: float
    foreign: float


@dataclass(frozen=True)
class Reached:
    """How far the rate came.

    Attributes:
        share: Of what the users would do if only the upstream took time.
        requests: How many it was counted from.
    """

    share: float
    requests: int

    @property
    def is_all(self) -> bool:
        """Whether chance alone explains what is missing beyond 3 %: pauses are drawn, and a few of them say little."""
        return self.share >= _REACHED - 3 * THINK_SPREAD / math.sqrt(max(1, self.requests))


def bottleneck(client_reasons: Sequence[Mapping[str, Any]], reached: Reached, use: Use, cores: int) -> str:
    """What kept the rate from being higher.

    Args:
        client_reasons: Why loadcore says that it was the bottleneck; empty if it was not.
        reached: The rate.
        use: What was busy.
        cores: How many the machine has.
    """
    if client_reasons:
        return f"the client: {client_reasons[0]['message']}"
    if reached.is_all:
        return "the users' pauses"
    if use.busiest >= _BUSY:
        return f"the gateway: a process uses {use.busiest:.0%} of a core"
    if use.machine >= _BUSY * cores:
        others = f", {use.foreign:.1f} of them by other programs" if use.foreign > use.machine / 4 else ""
        return f"the machine: {use.machine:.1f} cores are busy{others}"
    return "waiting: no process and no core is busy"
