"""How a run is judged: by the truth, and for what it names rightly and wrongly. The table adds that up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadcore import Scenario, get
from tests.verdict import served, table
from tests.verdict.laws import Delay
from tests.verdict.running import Observed
from tests.verdict.scoring import findings, numbers, score
from tests.verdict.served import Served
from tests.verdict.situation import Expected, Figure, Named, Situation, Target

MS = 1e6
LIMIT = Named("target", r"concurren|at once", Figure(10, ""))


def _situation(key: str = "g-open", **changes: Any) -> Situation:
    expected = Expected(frozenset({99}), (LIMIT,), may_blame=frozenset({"target"}))
    situation = Situation(key, "", Scenario("items", steps=[get("/")]), Target(Delay(5)), expected)
    return replace(situation, **changes)


def _finding(subject: str = "target", severity: str = "note", **changes: Any) -> dict[str, Any]:
    finding = {"subject": subject, "severity": severity, "rule": "concurrency", "advice": "raise its limit"}
    return {**finding, "message": "it answers 10 requests at once, however many wait", **changes}


def _observed(
    *said: dict[str, Any], exit_code: int = 99, reported: float = 100, truth: float | None = 100, **more: Any
) -> Observed:
    response = {"p50_ns": reported * MS, "p95_ns": reported * MS, "p99_ns": reported * MS}
    summary = {"all": {"response": response}, "findings": list(said)}
    return Observed(exit_code, summary, "", None if truth is None else (truth * MS,) * 3, **more)


def test_a_true_conclusion_is_right() -> None:
    """The cause with its figure and a remedy, the right exit code, no one else blamed."""
    assert score(_situation(), _observed(_finding())).is_right


@pytest.mark.parametrize(
    "said",
    [
        [],
        [_finding(subject="client")],
        [_finding(message="it answers 30 requests at once")],
        [_finding(message="it answers few requests at once")],
        [_finding(message="it answers 10 ms late, rate 10/s, at once")],
        [_finding(message="10 connections were refused", rule="ports")],
        [_finding(advice="")],
    ],
    ids=["silent", "other subject", "other figure", "no figure", "other unit", "other cause", "no remedy"],
)
def test_what_is_not_named_with_figure_and_remedy_is_not_named(said: list[dict[str, Any]]) -> None:
    """A cause counts only under its own name, with the number that is true of it, and what to do."""
    found = score(_situation(), _observed(*said))
    assert not found.is_named
    assert not found.is_right
    assert found.missing == (LIMIT.about,)


@pytest.mark.parametrize(
    ("exit_code", "reported", "false_invalid", "false_pass"),
    [
        (99, 100, False, False),
        (99, 109, False, False),
        (99, 112, False, True),
        (99, 85, False, True),
        (111, 112, False, False),
        (111, 109, True, False),
        (111, 100, True, False),
    ],
)
def test_valid_and_invalid_are_judged_by_the_server_s_log(
    exit_code: int, reported: float, false_invalid: bool, false_pass: bool
) -> None:
    """Within 10 % of the truth a run must not be called invalid, beyond it must be."""
    found = score(_situation(), _observed(_finding(), exit_code=exit_code, reported=reported))
    assert (found.is_false_invalid, found.is_false_pass) == (false_invalid, false_pass)
    assert found.is_right == (not false_invalid and not false_pass)
    assert bool(found.wrong_exit) == (false_invalid or false_pass)


@pytest.mark.parametrize(("reported", "at_the_edge"), [(104, False), (109, True), (112, True), (116, False)])
def test_the_edge_is_near_the_share_that_decides(reported: float, at_the_edge: bool) -> None:
    """A report that is off by some 10 % may be called either; one that is off by 4 or 16 % may not."""
    assert score(_situation(), _observed(_finding(), reported=reported)).is_at_the_edge == at_the_edge


def test_one_percentile_off_is_enough() -> None:
    """p99 alone makes a report wrong; the way to the server, which it cannot see, does not."""
    observed = _observed(_finding(), truth=0.5, reported=0.59)
    assert score(_situation(), observed).off == 0
    times = observed.summary["all"]["response"]
    times["p99_ns"] = 0.7 * MS
    assert score(_situation(), observed).off == pytest.approx(0.2)


@pytest.mark.parametrize("subject", ["client", "other programs", "plan"])
def test_whoever_else_is_blamed_is_blamed_falsely(subject: str) -> None:
    """A finding that spoils the run or heads its report, about one who has no part in it."""
    for severity in ("invalid", "suspect"):
        found = score(_situation(), _observed(_finding(), _finding(subject, severity, rule="x")))
        assert found.false_blames == (f"{subject}: x",)
        assert not found.is_right
    assert score(_situation(), _observed(_finding(), _finding(subject, "note"))).is_right


def test_a_disturbed_client_may_be_blamed_on_a_busy_machine() -> None:
    """Where the report is off by more than 3 %, the client had a part in it; a cause that cannot be it stays false."""
    lag = _finding("client", "suspect", rule="lag")
    assert score(_situation(), _observed(_finding(), lag, reported=105)).false_blames == ()
    assert score(_situation(), _observed(_finding(), lag, reported=102)).false_blames == ("client: lag",)
    never = replace(_situation().expected, never="ports?")
    ports = _finding("client", "suspect", rule="ports")
    situation = _situation(expected=never)
    assert score(situation, _observed(_finding(), ports, reported=105)).false_blames == ("client: ports",)


def test_a_healthy_target_is_not_to_be_named_at_all() -> None:
    """Even a note that a target stalls is false where it does not."""
    healthy = _situation("aa-open", expected=Expected(frozenset({0})))
    assert score(healthy, _observed(exit_code=0)).is_right
    assert score(healthy, _observed(_finding(rule="stall"), exit_code=0)).false_blames == ("target: stall",)


def test_a_disturbance_without_effect_need_not_be_named() -> None:
    """Other programs that did nothing to the numbers are nothing to name, and no reason for 111."""
    starved = _situation("d-closed", expected=Expected(named=(Named("client", "late"),), needs_effect=True))
    assert score(starved, _observed(exit_code=0, reported=101)).is_right
    found = score(starved, _observed(exit_code=0, reported=200))
    assert (found.is_named, found.is_false_pass, found.wrong_exit) == (False, True, "0, not 111")


def test_a_refusal_names_the_client_by_what_it_prints() -> None:
    """A run that was refused has no summary: its message and hint are the finding."""
    expected = Expected(frozenset({104}), (Named("client", "open files", remedy="ulimit"),))
    refused = Observed(104, {}, "error: open files: needs 564\nhint: `ulimit -n 564`", None)
    assert score(_situation("a-closed", expected=expected, truth="none"), refused).is_right


def test_reasons_of_the_client_are_findings_as_well() -> None:
    """A summary without findings blames the client by its reasons, and others by its notes."""
    client = {"reasons": [{"rule": "lag"}], "notes": [{"rule": "foreign_cpu"}]}
    said = [(each["subject"], each["rule"]) for each in findings(Observed(111, {"client": client}, "", None))]
    assert said == [("client", "lag"), ("other programs", "foreign_cpu")]


def test_a_green_run_whose_slow_phase_got_less_than_was_due_is_false() -> None:
    """Who sends less while the target is slow sees better times than there were."""
    situation = _situation(due_in_slow_phases=800, expected=Expected(frozenset({0})))
    assert not score(situation, _observed(exit_code=0, arrived_in_slow_phases=795)).is_false_pass
    assert score(situation, _observed(exit_code=0, arrived_in_slow_phases=780)).is_false_pass
    assert not score(situation, _observed(exit_code=111, reported=200, arrived_in_slow_phases=780)).is_false_pass


def test_numbers_are_read_with_their_units() -> None:
    """Times in seconds, rates, shares, counts; what follows a word is not a number of its own."""
    sentence = "no answer for 1.0 s at 0:04; 500 ms, 1,200/s or 98 a second, 3 %, p99 of 10 requests"
    found = set(numbers(sentence))
    assert {(1.0, "s"), (0.5, "s"), (1200.0, "/s"), (98.0, "/s"), (3.0, "%"), (10.0, "")} <= found


def test_percentiles_are_those_of_the_times() -> None:
    """By nearest rank: of 1 to 100, the 50th, 95th and 99th."""
    assert served.percentiles(range(100, 0, -1)) == (50.0, 95.0, 99.0)
    assert served.percentiles([]) is None


def test_arrivals_are_counted_from_the_first() -> None:
    """What holds is asked of the time since the first request arrived."""
    log = [Served(1000 + offset, 2000, 200) for offset in (30, 0, 10, 20)]
    assert served.arrived_while(log, lambda since_ns: since_ns >= 20) == 2


def test_the_table_adds_up() -> None:
    """A situation is named right if each of its variants is, at each seed; the rest are counts."""
    rows = [
        table.Row(situation, seed, observed, score(situation, observed))
        for situation, seed, observed in [
            (_situation("g-open"), 1, _observed(_finding())),
            (_situation("g-closed"), 1, _observed(exit_code=111)),
            (_situation("l-open"), 1, _observed(_finding())),
            (_situation("d-closed", starved=True), 1, _observed(_finding(), exit_code=111, reported=200)),
            (_situation("e-closed", starved=True), 1, _observed(_finding(), reported=200)),
            (_situation("aa-open", expected=Expected(frozenset({0}))), 1, _observed(exit_code=111)),
            (_situation("aa-open", expected=Expected(frozenset({0}))), 2, _observed(exit_code=0)),
        ]
    ]
    totals = table.totals(rows)
    assert (totals["named_right"], totals["situations"], totals["not_named"]) == (3, 4, ["g"])
    assert (totals["starved_closed_found"], totals["starved_closed"]) == (1, 2)
    assert (totals["alike_falsely_invalid"], totals["alike"]) == (1, 2)
    assert (totals["falsely_invalid"], totals["falsely_valid"]) == (2, 1)
    assert "named right 3/4 (not g)" in table.summary_of(rows)
    assert "FALSE INVALID" in table.line(rows[1])
    assert "not named: concurren" in table.line(rows[1])
    assert table.document(rows)["runs"][0]["is_right"] is True
