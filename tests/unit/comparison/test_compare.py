"""Two sets of runs, from their folders to the words."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

import loadcore
from loadcore.comparison import baseline, html, markdown, text
from loadcore.comparison.compare import Comparison, compare
from loadcore.comparison.metrics import named, value
from loadcore.comparison.sides import side_of
from loadcore.errors import ExitCode, ResultsError, UsageError
from loadcore.report.glyphs import ASCII
from loadcore.report.layout import Page
from tests.unit.comparison.runs import made, several, summary

if TYPE_CHECKING:
    from pathlib import Path

SLOW = [15.0, 15.4, 16.1, 15.2, 15.7]
FAST = [10.0, 10.3, 9.9, 10.2, 10.1]


def compared(before: Path, after: Path) -> Comparison:
    """The default metrics of two folders."""
    return compare(side_of(before), side_of(after), named(()))


def test_a_slower_set_is_slower(tmp_path: Path) -> None:
    """Half as slow again with five runs a side: exit 112, and the words name it."""
    found = compared(several(tmp_path / "a", FAST), several(tmp_path / "b", SLOW))
    assert (found.word, found.exit_code()) == ("slower", ExitCode.REGRESSION)
    told = str(found)
    assert "SLOWER   response.p50 is 52% slower: 10.1ms → 15.4ms" in told
    assert re.search(r"response\.p50 +10\.1ms +15\.4ms +\+52% +\[\+\d+% \+\d+%\] +0\.016 +slower", told)
    assert "throughput: all runs lie within 5.0%" in told


def test_a_faster_set_passes(tmp_path: Path) -> None:
    """It is reported, and not an error."""
    found = compared(several(tmp_path / "a", SLOW), several(tmp_path / "b", FAST))
    assert (found.word, found.exit_code(require_power=True)) == ("faster", ExitCode.PASS)


def test_equal_sets_show_no_evidence_and_what_could_have_been_seen(tmp_path: Path) -> None:
    """The output has the power, and how much worse it may still be."""
    found = compared(several(tmp_path / "a", [10, 13, 9, 12, 8]), several(tmp_path / "b", [11, 9, 12, 8, 13]))
    assert (found.word, found.exit_code()) == ("no evidence", ExitCode.PASS)
    assert found.exit_code(require_power=True) == ExitCode.INCONCLUSIVE
    told = " ".join(str(found).split())
    assert re.search(r"response\.p50 may still be up to \d+% worse", told)
    assert re.search(r"four of five comparisons find a change of response\.p50 above \d+%", told)


@pytest.mark.parametrize("runs", [1, 4])
def test_few_runs_make_no_verdict(tmp_path: Path, runs: int) -> None:
    """It says so with their number, and exits with 0, or 114 where power is required."""
    found = compared(several(tmp_path / "a", FAST[:runs]), several(tmp_path / "b", SLOW))
    assert f"no verdict possible with {runs} and 5 runs: each side needs 5" in " ".join(str(found).split())
    assert found.exit_code() == ExitCode.PASS
    assert found.exit_code(require_power=True) == ExitCode.INCONCLUSIVE
    assert found.to_dict()["verdict"] is None


def test_one_run_a_side_shows_its_own_intervals(tmp_path: Path) -> None:
    """They are of its requests, and called no test."""
    one, other = made(tmp_path / "a", summary(10)), made(tmp_path / "b", summary(30))
    told = " ".join(str(compared(one, other)).split())
    assert "no verdict possible with 1 run on each side" in told
    assert "INTERVALS A [95%] B [95%]" in told
    assert "is not a test" in told


def test_other_plans_are_refused_with_what_differs(tmp_path: Path) -> None:
    """Targets and seeds may differ; a load may not."""
    plans = [{"seed": 1, "scenarios": [{"base_url": "http://a", "load": {"users": users}}]} for users in (5, 9)]
    one = made(tmp_path / "a", summary(10, plan="one"), plans[0])
    other = made(tmp_path / "b", summary(10, plan="other"), {**plans[1], "seed": 2})
    with pytest.raises(ResultsError, match=r"their plans differ in scenarios\[0\]\.load\.users$"):
        compared(one, other)


def test_runs_without_a_comparable_hash_are_compared_by_their_plan(tmp_path: Path) -> None:
    """Runs of earlier versions have the hash of the whole plan only."""
    old = [summary(10) for _ in range(2)]
    for each in old:
        del each["comparable_sha256"]
    old[1]["plan_sha256"] = "cd" * 32
    with pytest.raises(ResultsError, match="cannot be compared"):
        compared(made(tmp_path / "a", old[0]), made(tmp_path / "b", old[1]))


def test_a_run_on_both_sides_is_refused(tmp_path: Path) -> None:
    """It would make both alike."""
    one = several(tmp_path / "a", FAST)
    with pytest.raises(ResultsError, match="is on both sides"):
        compared(one, one)


def test_runs_that_say_nothing_are_left_out_and_named(tmp_path: Path) -> None:
    """A run whose client was the limit does not count, and the report says so."""
    after = several(tmp_path / "b", SLOW)
    wrong = summary(99)
    wrong["verdict"] |= {"status": "invalid", "reasons": ["the client was late"], "exit_codes": [111]}
    made(after / "run-9", wrong)
    found = compared(several(tmp_path / "a", FAST), after)
    assert len(found.after.runs) == 5
    assert "LEFT OUT  B run-9: the measurement is invalid: the client was late" in str(found)
    assert found.to_dict()["after"]["left_out"] == [
        {"run": "run-9", "reason": "the measurement is invalid: the client was late"}
    ]


def test_a_side_without_a_run_that_says_anything_is_no_data(tmp_path: Path) -> None:
    """A target that was down in all runs of B is not a pass."""
    several(tmp_path / "a", [100.0] * 5)
    for number in range(5):
        silent = summary(100.0)
        silent["verdict"] |= {"status": "no_data", "reasons": ["nothing was answered"], "exit_codes": [113]}
        made(tmp_path / "b" / f"run-{number}", silent)
    found = compared(tmp_path / "a", tmp_path / "b")
    assert found.exit_code() == found.exit_code(require_power=True) == ExitCode.NO_DATA
    assert "no verdict possible: each side needs 5 runs, B has none" in str(found)


@pytest.mark.parametrize(("known", "told"), [(0, "no run of one side has a value"), (3, "only 5 and 3 runs")])
def test_a_metric_without_values_is_named_and_not_conclusive(tmp_path: Path, known: int, told: str) -> None:
    """That it is missing on one side looks the same as a change of it."""
    several(tmp_path / "a", [100.0] * 5)
    for number in range(5):
        document = summary(100.0)
        if number >= known:
            document["all"]["ttfb"]["p50_ns"] = None
        made(tmp_path / "b" / f"run-{number}", document)
    found = compare(side_of(tmp_path / "a"), side_of(tmp_path / "b"), named(["response.p50", "ttfb.p50"]))
    assert found.exit_code(require_power=True) == ExitCode.INCONCLUSIVE
    assert f"ttfb.p50: {told}" in " ".join(str(found).split())
    assert found.to_dict()["missing"] == ([] if known else ["ttfb.p50"])
    assert "ttfb.p50: all runs lie within" not in str(found)


def test_sides_are_folders_patterns_runs_and_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them name the same five runs."""
    several(tmp_path / "a", FAST)
    monkeypatch.chdir(tmp_path)
    given = ["a", "a/run-*", tmp_path / "a", [tmp_path / "a" / f"run-{number}" for number in range(5)]]
    sides = [side_of(each) for each in given]  # type: ignore[arg-type]
    assert [len(each.runs) for each in sides] == [5] * 4
    assert [each.label for each in sides] == ["a", "a/run-*", str(tmp_path / "a"), "5 runs"]
    assert side_of(loadcore.load("a/run-0")).label == "run-0"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none-*", "no run folder matches none-"),
        ("none", "the run folder none does not exist"),
        ("baseline:main", "baseline main does not exist"),
    ],
)
def test_runs_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    """Each has its sentence."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultsError, match=message):
        side_of(name)


def test_a_baseline_outlives_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a copy of summaries; saving again replaces it whole."""
    monkeypatch.chdir(tmp_path)
    baseline.save("main", [summary(each) for each in [*FAST, 10.0]])
    place = baseline.save("main", [summary(each) for each in FAST])
    assert len(list(place.iterdir())) == 5
    assert [each.name for each in place.parent.iterdir()] == ["main"]
    found = compare(side_of("baseline:main"), side_of(several(tmp_path / "b", SLOW)), named(()))
    assert found.word == "slower"
    with pytest.raises(ResultsError, match='baseline mian does not exist, did you mean "main"'):
        baseline.load("mian")


def test_a_damaged_baseline_is_an_error_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is not JSON, and JSON that is not a summary."""
    monkeypatch.chdir(tmp_path)
    place = baseline.save("main", [summary(10)])
    (place / "x.json").write_text("{")
    with pytest.raises(ResultsError, match=r"x\.json cannot be read"):
        baseline.load("main")
    (place / "x.json").write_text("{}")
    with pytest.raises(ResultsError, match=r"x\.json is not the summary of a run"):
        baseline.load("main")


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden"])
def test_names_that_no_baseline_has(name: str) -> None:
    """They would be paths, or hidden."""
    with pytest.raises(UsageError, match="cannot name a baseline"):
        baseline.folder_of(name)


def test_metrics_are_named_as_thresholds_are() -> None:
    """With a size of their own, or that of all."""
    found = named(["response.p99=20%", "throughput"], "3%")
    assert [(each.name, each.least) for each in found] == [("response.p99", 0.2), ("throughput", 0.03)]
    document = summary(10, 40, errors=0.02, throughput=99)
    values = [value(each, document) for each in named(["response.p99", "throughput", "errors.rate", "client.cpu"])]
    assert values[:3] == [40e6, 99, 0.02]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["response.p98"], 'unknown metric "response.p98", did you mean "response.p9'),
        (["throughput"] * 2, "named twice"),
        (["response.p50=5"], "--metric response.p50: 5 has no unit"),
        (["response.p50=0%"], "0% is always there"),
        (["response.p50", "response.p90", "response.p95", "response.p99", "throughput"], "5 metrics are too many"),
    ],
)
def test_metrics_that_cannot_be_judged(names: list[str], message: str) -> None:
    """Each is refused with what to write."""
    with pytest.raises(UsageError, match=re.escape(message)):
        named(names)


def test_a_smallest_change_without_a_unit() -> None:
    """The error names the option, not the first metric that has no size of its own."""
    with pytest.raises(UsageError, match='--min-effect: 5 has no unit: write "5%"'):
        named([], "5")


def test_the_document_is_json_and_whole(tmp_path: Path) -> None:
    """It holds everything that the text does, and nothing that JSON cannot express."""
    found = compared(several(tmp_path / "a", FAST), several(tmp_path / "b", SLOW)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [each["metric"] for each in found["judged"]] == [
        "response.p50",
        "response.p99",
        "errors.rate",
        "throughput",
    ]
    assert found["verdict"] == "slower"
    assert len(found["judged"][0]["before"]) == 5


class _Balance(HTMLParser):
    """Whether every element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "line", "circle", "rect"}:
            self.open.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href"} and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"line", "circle", "rect"}:
            assert self.open.pop() == tag


def test_the_page_needs_no_network_and_escapes_names(tmp_path: Path) -> None:
    """A label is text, whatever it holds; nothing is loaded from anywhere."""
    before = side_of(several(tmp_path / "a", FAST), "<script>alert(1)</script>")
    page = html.render(compare(before, side_of(several(tmp_path / "b", SLOW)), named(())))
    parser = _Balance()
    parser.feed(page)
    assert (parser.open, parser.addresses) == ([], [])
    assert "<script" not in page
    assert page.count("<circle") == page.count("<rect") == 5 * 5
    assert len(page) < 40_000


def test_markdown_is_a_table_and_escapes_names(tmp_path: Path) -> None:
    """Pipes, tags and mentions of a name are shown, not obeyed."""
    before = side_of(several(tmp_path / "a", FAST), "a|b <b> @team")
    told = markdown.render(compare(before, side_of(several(tmp_path / "b", SLOW)), named(())))
    assert r"a\|b &lt;b&gt; &#64;team" in told
    assert "### :x: Slower" in told
    rows = [line for line in told.splitlines() if line.startswith("| response")]
    assert all(line.replace(r"\|", "").count("|") == 8 for line in rows)


def test_text_fits_a_narrow_terminal_in_ascii(tmp_path: Path) -> None:
    """No line is longer than the page, and no character unknown to it."""
    found = compared(several(tmp_path / "a", FAST), several(tmp_path / "b", SLOW))
    told = text.render(found, Page(60, ASCII))
    assert told.isascii()
    assert max(map(len, told.splitlines())) <= 60


def test_the_api_compares(tmp_path: Path) -> None:
    """`loadcore.compare` takes what the command takes."""
    found = loadcore.compare(several(tmp_path / "a", FAST), several(tmp_path / "b", SLOW), metrics=["response.p50"])
    assert found.word == "slower"
    assert found._repr_html_().startswith("<iframe")


def test_a_run_that_was_changed_is_refused(tmp_path: Path) -> None:
    """Its load is not the one of its plan, so its numbers say nothing about the target."""
    changed = summary(10, plan="other")
    changed["load"]["orders"] = [{"at_s": 1.0, "scenario": "shop", "change": "pause", "users": None, "per_s": None}]
    made(tmp_path / "changed", changed)
    made(tmp_path / "same", summary(10))
    with pytest.raises(ResultsError, match="changed cannot be compared: the load was changed while it ran"):
        compare(side_of(tmp_path / "same"), side_of(tmp_path / "changed"), named(()))
