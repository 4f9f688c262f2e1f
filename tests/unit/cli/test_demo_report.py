"""What the demo adds to the report of its run."""

from __future__ import annotations

import random
from typing import Any

import pytest

from loadcore.cli.demo import SERVICE_TIME, users_for, workers_beside
from loadcore.cli.demo_report import THINK_S, Counts, Findings, Outcome, _outcome_block, expected_rate, outcome_of
from loadcore.compiler import compile_plan
from loadcore.judge.lag import INVALID_FROM
from loadcore.loader import scenario_file
from loadcore.plan.walk import walk
from loadcore.report.glyphs import ASCII
from loadcore.report.layout import Page
from loadcore_target.spec import parse_distribution
from tests.unit.report.example import failed_run


@pytest.mark.parametrize(
    ("counts", "agree", "words"),
    [
        (Counts(5000, 5000, 5000, 5000), True, "5,000 rows = 5,000 in the summary = 5,000 received by the gateway"),
        (
            Counts(5000, 5000, 5002, 5002),
            True,
            "5,000 rows = 5,000 in the summary, 5,002 sent = 5,002 received by the gateway",
        ),
        (Counts(4999, 5000, 5000, 5000), False, "4,999 rows but 5,000 in the summary = 5,000 received by the gateway"),
        (Counts(5000, 5000, 5000, 4999), False, "5,000 rows = 5,000 in the summary but 4,999 received by the gateway"),
        (Counts(5000, 5000, 5000, None), False, "5,000 rows = 5,000 in the summary but - received by the gateway"),
    ],
)
def test_three_counts_agree_or_not(counts: Counts, agree: bool, words: str) -> None:
    """A request that is missing anywhere is found and reported; one that was sent twice is not an error."""
    assert counts.agree is agree
    assert counts.words(ASCII) == words


_LATE = "p99 45.3 ms, of which the client added up to 26.8 ms: without its own delay 18.5 ms"
_AGREE = Counts(5000, 5000, 5000, 5000)


def _summary(codes: list[int], reasons: list[str], *rules: str) -> dict[str, Any]:
    severity = "invalid" if 111 in codes else "suspect"
    findings = [{"rule": rule, "severity": severity, "message": _LATE} for rule in rules]
    return {"verdict": {"exit_codes": codes, "reasons": reasons}, "findings": findings}


@pytest.mark.parametrize(
    ("summary", "counts", "exit_code", "problems"),
    [
        (_summary([0], []), _AGREE, 0, []),
        (_summary([0], [], "lag"), _AGREE, 0, []),
        (_summary([111], [f"the client was the bottleneck: {_LATE}"], "lag"), _AGREE, 0, []),
        (
            _summary([111, 99], [f"the client was the bottleneck: {_LATE}", "errors.rate < 1%"], "lag"),
            _AGREE,
            99,
            ["errors.rate < 1%"],
        ),
        (
            _summary([111], [f"the client was the bottleneck: {_LATE}"], "descriptors"),
            _AGREE,
            111,
            [f"the client was the bottleneck: {_LATE}"],
        ),
        (
            _summary([111], [f"the client was the bottleneck: {_LATE}", "worker 1 was lost: killed"], "lag"),
            _AGREE,
            111,
            ["worker 1 was lost: killed"],
        ),
        (
            _summary([0], []),
            Counts(4999, 5000, 5000, 4998),
            111,
            [
                (
                    "the counts disagree: the row files hold 4999 requests, the summary 5000; "
                    "5000 requests were sent, the gateway received 4998"
                )
            ],
        ),
        (
            _summary([111], [f"the client was the bottleneck: {_LATE}"], "lag"),
            Counts(5000, 5000, 5000, None),
            111,
            ["the counts disagree: the gateway did not report how many requests it received"],
        ),
    ],
)
def test_a_busy_machine_spoils_times_and_nothing_else_is_excused(
    summary: dict[str, Any], counts: Counts, exit_code: int, problems: list[str]
) -> None:
    """A client that waited for a core does not fail the demo; whatever else went wrong does, and is named."""
    outcome = outcome_of(summary, counts)
    assert outcome.exit_code == exit_code
    assert outcome.problems == problems
    busy = any((finding["rule"], finding["severity"]) == ("lag", "invalid") for finding in summary["findings"])
    assert outcome.times_spoilt_by == ([_LATE] if busy else [])


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(0, [], []), []),
        (Outcome(0, [], [], others_busy=True), []),
        (Outcome(0, [], [_LATE], others_busy=True), ["upper bounds", "loadcore demo --quick"]),
        (Outcome(99, ["response.p95 < 500ms"], [], others_busy=True), ["other programs kept", "loadcore demo --quick"]),
        (Outcome(99, ["errors.rate < 1%"], []), []),
    ],
)
def test_a_busy_machine_is_named_with_the_remedy(outcome: Outcome, told: list[str]) -> None:
    """Only where it may have spoilt the demo, and not where the demo failed on an idle machine."""
    shown = " ".join(" ".join(_outcome_block(outcome, Page(80, ASCII))).split())
    assert [each for each in ("upper bounds", "other programs kept", "loadcore demo --quick") if each in shown] == told


def test_the_demo_judges_errors_checks_times_and_users() -> None:
    """A busy machine takes none of its thresholds away."""
    judged = {str(threshold).split(" ")[0] for threshold in scenario_file.load(str(_scenario())).thresholds}
    assert judged == {"errors.rate", "checks.rate", "response.p95", "users.lost"}


def test_the_expected_rate_follows_from_users_and_time() -> None:
    """A thousand users who think two seconds and wait 12 ms make 497 requests a second."""
    assert expected_rate(failed_run(), Findings(1000, 0, 0.0, 1)) == pytest.approx(1000 / 2.012)


def test_the_scenario_thinks_as_long_as_the_formula_says() -> None:
    """Every request of the demo's scenario is followed by a pause of the mean that the expected rate is made with."""
    file = scenario_file.load(str(_scenario()))
    steps = compile_plan(file.scenarios).document["scenarios"][0]["steps"]
    pauses = [step for step in walk(steps) if step["kind"] == "think"]
    assert {(step["min_ns"] + step["max_ns"]) / 2e9 for step in pauses} == {THINK_S}
    assert [step["kind"] for step in steps][1::2] == ["think"] * len(pauses)
    assert "think" not in [step["kind"] for step in steps][::2]


@pytest.mark.parametrize(
    ("cores", "users", "workers"), [(0.5, 250, 1), (1.0, 500, 1), (2.0, 1000, 1), (4.0, 1000, 3), (64.0, 1000, 63)]
)
def test_the_demo_s_load_fits_the_cores(cores: float, users: int, workers: int) -> None:
    """A small machine gets fewer users, and the gateway's core is left to the gateway."""
    assert users_for(cores) == users
    assert workers_beside(1, cores) == workers


def test_the_demo_s_service_time_dwarfs_a_wait_for_a_core_and_keeps_the_threshold() -> None:
    """Of the gateway's median, ten milliseconds of the client's delay are less than what makes a run invalid."""
    distribution = parse_distribution(SERVICE_TIME)
    drawn = sorted(distribution.draw(random.Random(number)) for number in range(2000))
    assert drawn[1000] * INVALID_FROM > 0.010
    assert drawn[1900] < 0.400, "p95 < 500ms is a threshold of the demo"


def _scenario() -> object:
    from importlib.resources import files  # noqa: PLC0415

    return files("loadcore.demo").joinpath("scenario.py")
