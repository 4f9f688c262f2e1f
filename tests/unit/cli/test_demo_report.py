"""What the demo adds to the report of its run."""

from __future__ import annotations

import pytest

from loadcore import loader
from loadcore.cli.demo_report import THINK_S, Counts, Findings, expected_rate
from loadcore.compiler import compile  # noqa: A004 - read as the compiler's
from loadcore.plan import walk
from loadcore.report.glyphs import ASCII
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
    """A request that is missing anywhere is seen and said; one that was sent twice is no error."""
    assert counts.agree is agree
    assert counts.words(ASCII) == words


def test_the_expected_rate_follows_from_users_and_time() -> None:
    """A thousand users who think two seconds and wait 12 ms make 497 requests a second."""
    assert expected_rate(failed_run(), Findings(1000, 0, 0.0, 1)) == pytest.approx(1000 / 2.012)


def test_the_scenario_thinks_as_long_as_the_formula_says() -> None:
    """Every request of the demo's scenario is followed by a pause of the mean that the expected rate is made with."""
    file = loader.load(str(_scenario()))
    steps = compile(file.scenarios).document["scenarios"][0]["steps"]
    pauses = [step for step in walk(steps) if step["kind"] == "think"]
    assert {(step["min_ns"] + step["max_ns"]) / 2e9 for step in pauses} == {THINK_S}
    assert [step["kind"] for step in steps][1::2] == ["think"] * len(pauses)
    assert "think" not in [step["kind"] for step in steps][::2]


def _scenario() -> object:
    from importlib.resources import files  # noqa: PLC0415

    return files("loadcore.demo").joinpath("scenario.py")
