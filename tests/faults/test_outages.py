"""Targets that go away and come back: what is lost is reported, what can be kept is kept, and then all is well."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import arrival_rate, get, post, users
from tests.faults import invariants
from tests.faults.bed import bed, served, started
from tests.faults.flows import TOTAL_S, Meanwhile, run_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadcore.results.open.run import Run

RATE = 100
SECONDS = 12
LOAD = arrival_rate(f"{RATE}/s", duration=f"{SECONDS}s", max_users=400)
OUTAGE_S = 1.5
HANG_S = 3.0
HANG_TIMEOUT_S = 1.0

Row = dict[str, Any]


def basic(run: Run, total_s: float = TOTAL_S) -> list[str]:
    """What holds in every one of these runs."""
    sys.stdout.write(f"{run.requests.num_rows} requests, reported {run.summary['all']['outcomes']}\n")
    return [
        *invariants.once(run),
        *invariants.report(run),
        *invariants.times(run, total_s),
        *invariants.schedule(run, RATE),
    ]


@dataclass
class Outage:
    """A target that is taken away and given back: the wall clock before and after each of the two, in microseconds.

    What a request met follows from these stamps and its own, however long a busy machine took for any of it.
    """

    take: Callable[[], None]
    give_back: Callable[[], None]
    seconds: float = OUTAGE_S
    taking: int = 0
    gone: int = 0
    returning: int = 0
    back: int = 0

    def __call__(self) -> None:
        """Take the target away, wait, give it back."""
        self.taking = _now_us()
        self.take()
        self.gone = _now_us()
        time.sleep(self.seconds)
        self.returning = _now_us()
        self.give_back()
        self.back = _now_us()

    def around(self, run: Run) -> tuple[list[Row], list[Row], list[Row]]:
        """The rows that ended before it, those that lie wholly within it, and those that began after it."""
        rows = run.requests.to_pylist()
        before = [row for row in rows if _end_us(row) < self.taking]
        during = [row for row in rows if _start_us(row) > self.gone and _end_us(row) < self.returning]
        after = [row for row in rows if _start_us(row) > self.back]
        return before, during, after


def _now_us() -> int:
    return time.time_ns() // 1000


def _due_us(row: Row) -> int:
    return int(row["scheduled_at"].timestamp() * 1e6)


def _start_us(row: Row) -> int:
    return _due_us(row) + int(row["lag_ns"]) // 1000


def _end_us(row: Row) -> int:
    return _due_us(row) + -(-int(row["response_ns"]) // 1000)


def outcomes_of(rows: list[Row]) -> set[str]:
    """What became of them; at least one there must be."""
    assert rows
    return {row["outcome"] for row in rows}


def test_a_target_that_refuses_for_a_while(tmp_path: Path) -> None:
    """C1: without a listener, every new connection is refused, at once; the schedule is kept; then all is well."""
    with bed(tmp_path / "bed", seed=1, rate=0, faults=[]) as laid:
        outage = Outage(lambda: laid.proxy.tell("refuse"), lambda: laid.proxy.tell("listen"))
        run = run_on(laid.url, LOAD, tmp_path / "run", reuse="request", meanwhile=Meanwhile(outage))
        found = basic(run)

    assert found == []
    before, during, after = outage.around(run)
    assert outcomes_of(before) == {"ok"}
    assert outcomes_of(during) == {"connect_refused"}
    assert outcomes_of(after) == {"ok"}
    assert all(row["attempts"] == 0 and row["service_ns"] is None for row in during)
    # A connection that waited to be accepted when the listener closed was reset.
    at_the_ends = {"connect_reset", "reset_before_response", "closed_before_response"}
    assert set(run.summary["all"]["outcomes"]) - at_the_ends == {"ok", "connect_refused"}
    assert invariants.served(run, laid.entries(), laid.served(), unread=at_the_ends) == []


def test_a_target_that_hangs_for_a_while(tmp_path: Path) -> None:
    """C2: a stopped target costs timeouts, none before its time, and not one arrival."""
    log = tmp_path / "served.log"
    with started("tests.faults.gateway", log) as gateway:
        outage = Outage(
            lambda: gateway.process.send_signal(signal.SIGSTOP),
            lambda: gateway.process.send_signal(signal.SIGCONT),
            HANG_S,
        )
        total_s = HANG_TIMEOUT_S
        run = run_on(gateway.url, LOAD, tmp_path / "run", total_s=total_s, meanwhile=Meanwhile(outage))
        found = basic(run, total_s)

    assert found == []
    before, during, after = outage.around(run)
    assert outcomes_of(during) == {"timeout_headers"}
    assert set(run.summary["all"]["outcomes"]) == {"ok", "timeout_headers"}
    assert "ok" in outcomes_of(before)
    assert ok_but_not_served(run, served(log)) == set()
    assert "ok" in outcomes_of(after)


def ok_but_not_served(run: Run, by_gateway: Counter[str]) -> set[str]:
    """Ids of requests that are reported ok, and of which the gateway knows nothing."""
    return {invariants.row_id(row) for row in run.requests.to_pylist() if row["outcome"] == "ok"} - set(by_gateway)


def test_a_target_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """C3: kill -9 and a restart: errors are of the classes that it must cause, and end with it; counts reconcile."""
    log = tmp_path / "served.log"
    with ExitStack() as stack:
        gateway = stack.enter_context(started("tests.faults.gateway", log))

        def kill() -> None:
            gateway.process.kill()
            gateway.process.wait()

        def restart() -> None:
            stack.enter_context(started("tests.faults.gateway", log, gateway.port))

        outage = Outage(kill, restart)
        run = run_on(gateway.url, LOAD, tmp_path / "run", meanwhile=Meanwhile(outage))
        found = basic(run)

    assert found == []
    before, during, after = outage.around(run)
    assert outcomes_of(before) == {"ok"}
    # A kept connection learns of the kill by the first request that it is given.
    assert "connect_refused" in outcomes_of(during)
    expected = {"ok", "connect_refused", "closed_before_response", "reset_before_response"}
    assert set(run.summary["all"]["outcomes"]) - {"connect_reset"} <= expected
    assert "ok" not in outcomes_of(during)
    assert outcomes_of(after) == {"ok"}
    by_gateway = served(log)
    assert ok_but_not_served(run, by_gateway) == set()
    attempts = sum(row["attempts"] for row in run.requests.to_pylist())
    in_flight = sum(row["outcome"] != "ok" and row["attempts"] > 0 for row in run.requests.to_pylist())
    assert sum(by_gateway.values()) <= attempts <= sum(by_gateway.values()) + in_flight + RATE


@pytest.mark.parametrize("method", [get, post], ids=["get", "post"])
def test_connections_that_close_just_when_they_are_used(tmp_path: Path, method: Any) -> None:
    """C3: keep-alive ends just when the next request is due: a GET is sent once more, a POST has crossed."""
    log = tmp_path / "served.log"
    with started("tests.faults.gateway", log, 0, 0.05) as gateway:
        run = run_on(gateway.url, users(40, duration="4s"), tmp_path / "run", method=method, pause="50ms")

    assert [*invariants.once(run), *invariants.report(run), *invariants.times(run, TOTAL_S)] == []
    rows = run.requests.to_pylist()
    outcomes = Counter(row["outcome"] for row in rows)
    retried = sum(row["attempts"] > 1 for row in rows)
    sys.stdout.write(f"{len(rows)} requests over {run.summary['all']['connections']} connections, {outcomes}, ")
    sys.stdout.write(f"{retried} sent twice\n")
    by_gateway = served(log)
    assert set(outcomes) <= ({"ok"} if method is get else {"ok", "stale_connection"})
    assert run.summary["all"]["connections"] > 100
    assert ok_but_not_served(run, by_gateway) == set()
    assert [name for name, count in by_gateway.items() if count > 1] == []
    # No server read what crossed, so sending it once more did no harm.
    assert len(by_gateway) == outcomes["ok"]
