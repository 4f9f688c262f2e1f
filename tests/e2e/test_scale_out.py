"""Replicas come, go and die under a run: what it counts is what was lost, and nothing else is."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import loadcore
from loadcore import Scenario, get, oauth2_password, rows_feeder, think, user_stages, users
from loadcore.live.listeners import Listener
from loadcore_target.deploy.truth import received
from loadcore_target.tests.deploy.stack import RunningStack, kill, stack
from loadcore_target.tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadcore.engine import Description
    from loadcore.results.open.run import Run

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
_ACCOUNTS = 100
_log = logging.getLogger(__name__)
_PROXIED = "GET /proxy/{service}/{path}"
THREE = ("--replicas", "3", "--users", str(_ACCOUNTS))


def proxied(url: str, load: Any, pause: tuple[str, str] = ("200ms", "600ms")) -> Scenario:
    """Users who log in and then ask the upstream, which takes 100 ms, through the gateway."""
    accounts = [{"username": f"user-{number:04}", "password": f"password-{number:04}"} for number in range(_ACCOUNTS)]
    return Scenario(
        "proxied",
        base_url=url,
        load=load,
        auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
        feeders=[rows_feeder(accounts, order="per_user")],
        steps=[get("/proxy/stub/hello", name="proxied"), think(*pause)],
    )


class Meanwhile(Listener):
    """Does something in another thread, a while after the run has begun.

    Args:
        after_s: That while.
        action: What.
    """

    def __init__(self, after_s: float, action: Callable[[], None]) -> None:
        self._after_s = after_s
        self._action = action
        self._thread = threading.Thread(target=self._act)
        self.problem: BaseException | None = None

    def _act(self) -> None:
        time.sleep(self._after_s)  # the moment within the run, not a wait for something
        try:
            self._action()
        except BaseException as problem:  # noqa: BLE001 - the test fails with it
            self.problem = problem

    def on_start(self, _description: Description) -> None:
        """The run has begun."""
        self._thread.start()

    def on_end(self, _run: Run) -> None:
        """It is over; so is what was begun."""
        self._thread.join()


@dataclass(frozen=True)
class Rows:
    """The requests of a run that were for the upstream."""

    error: Sequence[bool]
    offset_s: Sequence[float]
    response_ms: Sequence[float]

    @classmethod
    def of(cls, run: Run) -> Rows:
        """Those of a run."""
        rows = [row for row in run.requests.to_pylist() if row["step"] == "proxied"]
        return cls(
            [row["error"] for row in rows],
            [row["offset_ns"] / 1e9 for row in rows],
            [row["response_ns"] / 1e6 for row in rows],
        )

    def in_second(self, second: int) -> int:
        """How many were due in that second and got a good answer."""
        return sum(int(offset) == second and not error for offset, error in zip(self.offset_s, self.error, strict=True))


def run_with(running: RunningStack, folder: Path, duration: str, after_s: float, action: Callable[[], None]) -> Run:
    """A run of 60 users, and something that happens in it."""
    meanwhile = Meanwhile(after_s, action)
    scenario = proxied(running.url, users(60, duration=duration))
    run = loadcore.run(scenario, workers=1, out=folder / "run", seed=1, listeners=[meanwhile])
    if meanwhile.problem is not None:
        raise meanwhile.problem
    return run


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_one_of_three_is_killed(proxy: str, tmp_path: Path) -> None:
    """Errors are no more than what was in flight there, the rate is back within two seconds, and all is counted."""
    with stack(tmp_path, *THREE, "--proxy", proxy) as running:
        run = run_with(running, tmp_path, "12s", 5, lambda: kill(running.replicas()[1]))
        rows = Rows.of(run)
        lost = sum(rows.error)
        # 60 users with 100 ms of answer and 400 ms of pause on average have 12 requests in flight, 4 of them there.
        assert lost <= 20
        usual = rows.in_second(3)
        assert all(rows.in_second(second) >= 0.8 * usual for second in range(7, 11)), rows
        counted = received(running.folder)[_PROXIED]
        # What was repeated was received twice; what no replica received at all is an error of the client's.
        _log.info("%d of %d lost", lost, len(rows.error))
        assert len(rows.error) - lost <= counted <= len(rows.error) + 20
        wait_until(lambda: len(running.events("up again")) == 1, "it is replaced")


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_a_rolling_restart_loses_nothing(proxy: str, tmp_path: Path) -> None:
    """All three replicas are replaced, one after another, under load: no error, and every request was received once."""
    with stack(tmp_path, *THREE, "--proxy", proxy) as running:
        before = {replica["pid"] for replica in running.replicas()}

        def roll() -> None:
            os.kill(running.process.pid, signal.SIGHUP)
            wait_until(lambda: bool(running.events("rolled")), "all replicas are replaced")

        run = run_with(running, tmp_path, "25s", 2, roll)
        rows = Rows.of(run)
        assert not before & {replica["pid"] for replica in running.replicas()}
        assert sum(rows.error) == 0
        assert received(running.folder)[_PROXIED] == len(rows.error)


def test_sigterm_to_each_replica_loses_nothing(tmp_path: Path) -> None:
    """Replicas that another program stops drain by themselves; the balancer repeats what it must."""
    with stack(tmp_path, *THREE, "--proxy", "haproxy") as running:

        def stop_each() -> None:
            for number, replica in enumerate(running.replicas(), 1):
                os.kill(replica["pid"], signal.SIGTERM)
                wait_until(lambda number=number: len(running.events("up again")) == number, "it is replaced")  # type: ignore[misc]

        run = run_with(running, tmp_path, "25s", 2, stop_each)
        rows = Rows.of(run)
        assert sum(rows.error) == 0
        assert len(rows.error) <= received(running.folder)[_PROXIED]


def test_autoscaling_follows_the_load(tmp_path: Path) -> None:
    """One replica takes 50 proxied requests a second; a rush of 150 brings more of them, its end takes them away."""
    limited = {"GATEWAY_UPSTREAM_CONNECTIONS": "5"}
    arguments = ("--autoscale", "1:4:4", "--users", str(_ACCOUNTS))
    with stack(tmp_path, *arguments, environment=limited) as running:
        stages = user_stages((5, "5s"), (75, "1s"), (75, "24s"), (5, "1s"), (5, "15s"), start=5)
        run = loadcore.run(proxied(running.url, stages), workers=1, out=tmp_path / "run", seed=1)
        rows = Rows.of(run)
        assert sum(rows.error) == 0
        assert run.summary["all"]["errors"] == 0
        events = [event for name in ("up", "down") for event in running.events(name)]
        most = max(event["replicas"] for event in events)
        assert most >= 3
        calm = sorted(
            response for offset, response in zip(rows.offset_s, rows.response_ms, strict=True) if 18 <= offset < 30
        )
        p95 = calm[len(calm) * 95 // 100]
        _log.info("scaled to %d, p95 then %.0f ms, %d requests", most, p95, len(rows.error))
        # Two replicas together have 100 upstream requests a second.
        assert len(calm) / 12 > 100
        wait_until(
            lambda: running.events("down")[-1:] != [] and running.events("down")[-1]["replicas"] == 1, "one is left"
        )
