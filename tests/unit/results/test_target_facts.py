"""What windows say about the target is gathered for the rules, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.results.run_facts import RunEnd
from loadcore.results.samples import ReceivedResponse, Sample
from loadcore.results.schema import MACHINE
from loadcore.results.sum import target_facts
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import START
from tests.unit.results.test_totals import MS, SECOND, added, batch, scenario, step

if TYPE_CHECKING:
    from loadcore.judge.target.facts import Facts
    from loadcore.results.sum.totals import Totals


def facts_of(totals: Totals, ended_s: float = 10, samples: tuple[Sample, ...] = ()) -> Facts:
    """The facts of a run of ten planned seconds whose target is on this machine."""
    start = replace(START, target={"is_here": True, "sight": "processes"})
    end = RunEnd(ended_ns=int(ended_s * SECOND))
    return totals.target.facts(start, end, totals.over(), samples, is_wrong=False)


def worker(**values: Any) -> dict[str, Any]:
    """A second of a worker that did well."""
    return {"kind": "worker", "wall_ns": SECOND, "lag_max_ns": 2 * MS, "gaps": [], **values}


def test_a_second_of_all_workers() -> None:
    """Answers, those in flight, iterations, times; the seconds after the planned end are left out."""
    part = (step([100, 300]), scenario(iterations_due=5, iterations_completed=2, iterations_failed=1), worker())
    totals = added(batch(3, *part), batch(3, *part, worker=1), batch(10, *part))
    (second,) = facts_of(totals, ended_s=12).seconds

    assert (second.second, second.answered, second.due, second.ended) == (3, 4, 10, 6)
    assert second.in_flight == pytest.approx(0.8)
    assert second.times.count == 4
    assert second.times.quantile_ns(1) == pytest.approx(300 * MS, rel=0.002)
    assert second.statuses == {200: 4}
    assert second.client_stalled_ns == 2 * MS


def test_a_worker_that_ends_its_second_late_stood_still() -> None:
    """By how much."""
    totals = added(batch(1, step([5]), worker(wall_ns=SECOND + 700 * MS)), batch(2, step([5]), worker(lag_max_ns=None)))

    assert [each.client_stalled_ns for each in facts_of(totals).seconds] == [700 * MS, 0]


def test_what_errors_and_responses_say() -> None:
    """Times of errors by status, hints by step, connects, requests lost on new connections."""
    hints = [{"name": "Server-Timing db", "count": 4, "sum_ns": 1160 * MS, "ttfb_sum_ns": 1200 * MS}]
    errors = [{"status": 503, "service": encoded([500_000, 500_000])}]
    found = step([300] * 4, hints=hints, error_times=errors, connect=encoded([100, 1_000_000]), lost_on_new=3)
    token = step([300], name="token", hints=hints, error_times=errors, lost_on_new=9)
    response = ReceivedResponse("HTTP/1.1 503 No", 503, (("Retry-After", "2"),), "", 0, cut=False)
    sample = Sample("shop", "main", "GET /items", "status", "503", "", 0, 0, 0, None, response)
    facts = facts_of(added(batch(0, found, token), batch(1, found)), samples=(sample,))

    assert facts.error_times[503].count == 4
    assert facts.error_times[503].quantile_ns(0.5) == pytest.approx(500 * MS, rel=0.002)
    assert (facts.connects.count, facts.lost_on_new) == (4, 6)
    assert facts.heads == {503: {"retry-after": "2"}}
    (hint,) = next(each for each in facts.steps if each.name == "GET /items").hints
    assert (hint.name, hint.count, hint.mean_ns, hint.ttfb_ns) == ("Server-Timing db", 8, 290 * MS, 300 * MS)


def test_streams_that_users_close_say_nothing_of_bodies() -> None:
    """They are answered, but took as long as the user wanted: no target is slow to write for that."""
    outcomes = [{"name": "ok", "count": 1}, {"name": "cut", "count": 3}]
    (found,) = facts_of(added(batch(0, step([300] * 4, outcomes=outcomes)))).steps
    assert (found.answered, found.whole) == (4, 0.25)


def test_what_was_seen_of_the_target() -> None:
    """CPU as shares of the time that passed; the way to it; and without CPU the target is not visible."""
    seen = {
        "kind": "target",
        "wall_ns": 2 * SECOND,
        "target_program": "uvicorn",
        "target_processes": 1,
        "target_cpu_ns": SECOND,
        "target_thread_ns": SECOND,
        "rtt_ns": 5_000,
        "segments_sent": 90,
        "segments_resent": 2,
        "blocked_ns": SECOND,
        "sending_ns": 4 * SECOND,
    }
    facts = facts_of(added(batch(1, step([5]), worker()), batch(1, seen, worker=MACHINE)))
    (second,) = facts.seconds

    assert second.process is not None
    assert (second.process.program, second.process.cores, second.process.thread) == ("uvicorn", 0.5, 0.5)
    assert (facts.network.rtt_ns, facts.network.segments, facts.network.resent) == (5_000, 90, 2)
    assert facts.network.blocked_ratio == 0.25
    assert (facts.sight, facts.is_here) == ("processes", True)
    without = {**seen, "target_cpu_ns": None}
    assert facts_of(added(batch(1, step([5])), batch(1, without, worker=MACHINE))).sight == "none"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long run its beginning and its end stay, of many gaps the longest, of many times a few."""
    monkeypatch.setattr(target_facts, "_MOST_SECONDS", 6)
    monkeypatch.setattr(target_facts, "_MOST_GAPS", 2)
    gaps = [[{"from_ns": 0, "to_ns": (9 - number) * SECOND}] for number in range(9)]
    totals = added(*(batch(number, step(list(range(1, 400))), worker(gaps=gaps[number])) for number in range(9)))
    facts = facts_of(totals)

    assert [each.second for each in facts.seconds] == [0, 1, 2, 6, 7, 8]
    assert all(each.times.count == 399 for each in facts.seconds)
    assert all(len(each.times.counted) <= 65 for each in facts.seconds)
    assert max(to_ns for _, to_ns in facts.gaps[0]) == 9 * SECOND
    assert len(facts.gaps[0]) <= 4


def test_what_is_let_through_is_told_of_the_steps_that_were_limited() -> None:
    """A step beside them that no limit concerns does not count, also once seconds are kept in a thinner form."""
    limited = step([5] * 10, name="GET /b", statuses=[{"status": 200, "count": 4}, {"status": 429, "count": 6}])
    free = step([5] * 50, name="GET /a", statuses=[{"status": 200, "count": 50}])
    totals = added(*(batch(number, limited, free) for number in range(8)))

    assert [each.beside for each in facts_of(totals).seconds] == [{429: 4}] * 8
