"""Faults done to single requests: every one is reported as what it was, and all else as if nothing had been."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import arrival_rate, get, iterations, post, users
from tests.faults import invariants
from tests.faults.bed import Bed, bed
from tests.faults.flows import TOTAL_S, run_on
from tests.faults.ledger import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.results.open.run import Run
    from loadcore.scenario.load_models import Load

USERS = 30
RATE = 200
CUTS = (Fault.RESET, Fault.TRUNCATE, Fault.STALL)
ALL = tuple(fault for fault in Fault if fault != Fault.CROSSED_408)


def violations(run: Run, bed: Bed) -> list[str]:
    """Everything that does not hold; prints how many requests had which fault."""
    entries = bed.entries()
    faults = [entry.fault for read in entries.values() for entry in read if entry.fault]
    counts = {fault: faults.count(fault) for fault in sorted(set(faults))}
    sys.stdout.write(f"{run.requests.num_rows} requests, {counts}, reported {run.summary['all']['outcomes']}\n")
    return [
        *invariants.once(run),
        *invariants.report(run),
        *invariants.served(run, entries, bed.served()),
        *invariants.ledger(run, entries),
        *invariants.own_answers(run, entries),
        *invariants.times(run, TOTAL_S),
        *invariants.bounds(run, USERS * 10),
    ]


@pytest.mark.parametrize("method", [get, post], ids=["get", "post"])
def test_every_fault_is_reported_as_what_it_was(tmp_path: Path, method: Any) -> None:
    """Closed loop, all faults: errors by class are the ledger's by class; a POST is never sent twice."""
    with bed(tmp_path / "bed", seed=7, rate=0.15, faults=ALL) as laid:
        load = iterations(each=60, users=USERS)
        run = run_on(laid.url, load, tmp_path / "run", method=method, pause="40ms")
        found = violations(run, laid)

    assert found == []
    assert invariants.chosen(laid.entries(), ALL) == []
    retried = sum(row["attempts"] > 1 for row in run.requests.to_pylist())
    assert (retried > 0) == (method is get)


def test_the_schedule_is_kept_whatever_the_target_does(tmp_path: Path) -> None:
    """Open loop with cut and stalled responses: as many iterations are started in each second as planned."""
    with bed(tmp_path / "bed", seed=8, rate=0.1, faults=CUTS) as laid:
        load = arrival_rate(f"{RATE}/s", duration="5s", max_users=400)
        run = run_on(laid.url, load, tmp_path / "run")
        found = violations(run, laid)

    assert found == []
    assert invariants.schedule(run, RATE) == []
    assert invariants.chosen(laid.entries(), CUTS) == []
    assert run.summary["load"]["scenarios"][0]["iterations"]["due"] == RATE * 5


def test_without_faults_nothing_is_wrong(tmp_path: Path) -> None:
    """The proxy alone changes nothing: what the other tests find comes from the faults."""
    with bed(tmp_path / "bed", seed=9, rate=0, faults=ALL) as laid:
        run = run_on(laid.url, users(USERS, duration="2s"), tmp_path / "run", pause="20ms")
        found = violations(run, laid)

    assert found == []
    assert set(run.summary["all"]["outcomes"]) == {"ok"}
    assert run.summary["all"]["attempts"] == run.requests.num_rows


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_long_time_with_every_fault(tmp_path: Path, seed: int) -> None:
    """A minute of each load model, for three seeds."""
    loads: dict[str, Load] = {
        "closed": users(USERS, duration="60s"),
        "open": arrival_rate("300/s", duration="60s", max_users=2000),
    }
    for name, load in loads.items():
        with bed(tmp_path / name, seed=seed, rate=0.05, faults=ALL) as laid:
            run = run_on(laid.url, load, tmp_path / f"run-{name}", pause="40ms")
            assert violations(run, laid) == []
