"""Targets that go away and come back: what is lost is said, what can be kept is kept, and afterwards all is well."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import arrival_rate, get, post, users
from tests.faults import invariants
from tests.faults.bed import bed, served, started
from tests.faults.flows import SLACK_S, TOTAL_S, Meanwhile, run_on

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.results.run import Run

RATE = 100
SECONDS = 6
LOAD = arrival_rate(f"{RATE}/s", duration=f"{SECONDS}s", max_users=400)
OUTAGE_S = 1.5
# An arrival that was due so shortly before or after an outage may have met it, or not.
MARGIN_NS = 300_000_000


def basic(run: Run) -> list[str]:
    """What holds in every one of these runs."""
    sys.stdout.write(f"{run.requests.num_rows} requests, reported {run.summary['all']['outcomes']}\n")
    return [
        *invariants.once(run),
        *invariants.report(run),
        *invariants.times(run, TOTAL_S, SLACK_S),
        *invariants.schedule(run, RATE),
    ]


def around(run: Run, *, after_s: float = 0.0) -> tuple[Counter[str], Counter[str]]:
    """Outcomes before the outage, which begins in the third second, and from `after_s` after it."""
    rows = run.requests.to_pylist()
    begins = min((row["offset_ns"] for row in rows if row["outcome"] != "ok"), default=0)
    ends = max((row["offset_ns"] for row in rows if row["outcome"] != "ok"), default=0)
    assert begins > 1_000_000_000 - MARGIN_NS
    assert ends - begins <= (OUTAGE_S + after_s + TOTAL_S) * 1e9 + 2 * MARGIN_NS
    before = Counter(row["outcome"] for row in rows if row["offset_ns"] < begins)
    after = Counter(row["outcome"] for row in rows if row["offset_ns"] > ends)
    return before, after


def test_a_target_that_refuses_for_a_while(tmp_path: Path) -> None:
    """C1: while nobody listens, every new connection is refused, at once; the schedule is kept; then all is well."""
    with bed(tmp_path / "bed", seed=1, rate=0, faults=[]) as laid:

        def refuse() -> None:
            laid.proxy.tell("refuse")
            time.sleep(OUTAGE_S)
            laid.proxy.tell("listen")

        run = run_on(laid.url, LOAD, tmp_path / "run", reuse="request", meanwhile=Meanwhile(refuse))
        found = basic(run)

    assert found == []
    assert invariants.served(run, laid.entries(), laid.served()) == []
    outcomes = run.summary["all"]["outcomes"]
    assert set(outcomes) == {"ok", "connect_refused"}
    # As many as came in that time, but for those at its two ends.
    assert abs(outcomes["connect_refused"] - RATE * OUTAGE_S) <= 2 * RATE * MARGIN_NS / 1e9
    refused = [row for row in run.requests.to_pylist() if row["outcome"] == "connect_refused"]
    assert all(row["attempts"] == 0 and row["service_ns"] is None for row in refused)
    before, after = around(run)
    assert (set(before), set(after)) == ({"ok"}, {"ok"})


def test_a_target_that_hangs_for_a_while(tmp_path: Path) -> None:
    """C2: a stopped target costs time-outs, each in time, and not one arrival."""
    log = tmp_path / "served.log"
    with started("tests.faults.gateway", log) as gateway:

        def hang() -> None:
            gateway.process.send_signal(signal.SIGSTOP)
            time.sleep(OUTAGE_S)
            gateway.process.send_signal(signal.SIGCONT)

        run = run_on(gateway.url, LOAD, tmp_path / "run", meanwhile=Meanwhile(hang))
        found = basic(run)

    assert found == []
    outcomes = run.summary["all"]["outcomes"]
    assert set(outcomes) == {"ok", "timeout_headers"}
    # Those that were due in the last second of the outage may be answered in time.
    least = RATE * (OUTAGE_S - TOTAL_S) - RATE * MARGIN_NS / 1e9
    assert least <= outcomes["timeout_headers"] <= RATE * OUTAGE_S
    assert ok_but_not_served(run, served(log)) == set()
    _, after = around(run)
    assert set(after) == {"ok"}


def ok_but_not_served(run: Run, by_gateway: Counter[str]) -> set[str]:
    """Ids of requests that are reported ok, and of which the gateway knows nothing."""
    return {invariants.row_id(row) for row in run.requests.to_pylist() if row["outcome"] == "ok"} - set(by_gateway)


def test_a_target_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """C3: kill -9 and a restart: errors are of the classes that it must cause, and end with it; counts reconcile."""
    log = tmp_path / "served.log"
    with ExitStack() as stack:
        gateway = stack.enter_context(started("tests.faults.gateway", log))

        def restart() -> None:
            gateway.process.kill()
            gateway.process.wait()
            time.sleep(OUTAGE_S)
            stack.enter_context(started("tests.faults.gateway", log, gateway.port))

        run = run_on(gateway.url, LOAD, tmp_path / "run", meanwhile=Meanwhile(restart))
        found = basic(run)

    assert found == []
    expected = {"ok", "connect_refused", "closed_before_response", "reset_before_response"}
    assert set(run.summary["all"]["outcomes"]) - {"connect_reset"} <= expected
    assert run.summary["all"]["outcomes"]["connect_refused"] > 0
    by_gateway = served(log)
    assert ok_but_not_served(run, by_gateway) == set()
    attempts = sum(row["attempts"] for row in run.requests.to_pylist())
    in_flight = sum(row["outcome"] != "ok" and row["attempts"] > 0 for row in run.requests.to_pylist())
    assert sum(by_gateway.values()) <= attempts <= sum(by_gateway.values()) + in_flight + RATE
    _, after = around(run, after_s=1.0)
    assert set(after) == {"ok"}


@pytest.mark.parametrize("method", [get, post], ids=["get", "post"])
def test_connections_that_close_just_when_they_are_used(tmp_path: Path, method: Any) -> None:
    """C3: keep-alive ends just when the next request is due: a GET is sent once more, a POST has crossed."""
    log = tmp_path / "served.log"
    with started("tests.faults.gateway", log, 0, 0.05) as gateway:
        run = run_on(gateway.url, users(40, duration="4s"), tmp_path / "run", method=method, pause="50ms")

    assert [*invariants.once(run), *invariants.report(run), *invariants.times(run, TOTAL_S, SLACK_S)] == []
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
    # What crossed was read by nobody, so that sending it once more did no harm.
    assert len(by_gateway) == outcomes["ok"]
