"""What CI systems read, as those that read it read it."""

from __future__ import annotations

import json
import math
import re
import shlex
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from junitparser import Error, Failure, JUnitXml, TestSuite
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from loadcore.report import markdown
from loadcore.report.ci import benchmark, gitlab, junit
from loadcore.report.ci.github import annotation, commands
from tests.unit.report.example import failed_run

_NASTY = 'GET /"<b>"|`x`\n::error::%0A\x1b[31m]]> @team'


def suites(summary: dict[str, Any]) -> list[TestSuite]:
    """What junitparser, which CI plugins are written with, makes of the document."""
    return list(JUnitXml.fromstring(junit.render(summary).encode()))


def test_junit_has_a_case_for_everything_that_decides() -> None:
    """Thresholds, data, the client, the end, and each check; their totals add up."""
    summary = failed_run()
    (suite,) = suites(summary)
    cases = {case.name: case.result for case in suite}
    assert suite.name == "checkout"
    assert [type(each) for each in cases["errors.rate < 1%"]] == [Failure]
    assert cases["errors.rate < 1%"][0].text == "errors.rate < 1%: 3.9%, the limit is 1.0%"
    assert [cases[name] for name in ("throughput > 400/s", "has data", "client healthy", "came to its end")] == [[]] * 4
    assert "failed 170 of 170" in cases["GET /: status == 200"][0].message.replace("\u2009", "")
    assert cases["POST /checkout: $.id"] == []
    root = ET.fromstring(junit.render(summary))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("9", "3", "0")
    assert suite.failures == 3


def test_junit_of_several_scenarios_has_a_suite_for_each_and_one_for_the_run() -> None:
    """What is judged over all of them is in the suite of the run."""
    summary = failed_run()
    scenarios = summary["load"]["scenarios"]
    scenarios.append({**scenarios[0], "name": "browse"})
    names = {suite.name: [case.name for case in suite] for suite in suites(summary)}
    assert list(names) == ["checkout.py", "checkout", "browse"]
    assert "has data" in names["checkout.py"]
    assert names["checkout"] == ["GET /: status == 200", "POST /checkout: $.id"]


@pytest.mark.parametrize(
    ("code", "case", "kind"),
    [(113, "has data", Error), (111, "client healthy", Failure), (107, "came to its end", Error)],
)
def test_junit_fails_for_each_code(code: int, case: str, kind: type) -> None:
    """No data, a busy client and a scenario that raised are not green."""
    summary = failed_run()
    summary["verdict"] |= {"exit_codes": [code], "reasons": ["because"]}
    (suite,) = suites(summary)
    (found,) = next(each.result for each in suite if each.name == case)
    assert isinstance(found, kind)
    assert "because" in str(found.text)


@pytest.mark.parametrize(("code", "status", "word"), [(99, "fail", "FAIL"), (42, "pass", "PASS")])
def test_what_no_threshold_says_fails_too(code: int, status: str, word: str) -> None:
    """Exceptions of user code exit with 99, and a file may ask for a code of its own: both fail in CI as well."""
    summary = passed(code, status, "users raised KeyError at shop.py:12 (3 times)")
    document = JUnitXml.fromstring(junit.render(summary).encode())
    (found,) = next(case.result for suite in document for case in suite if case.name == "verdict")
    assert (document.failures, found.message) == (1, f"{word}: exit code {code}")
    assert commands(summary) == [f"::error title=checkout.py%3A {word}::users raised KeyError at shop.py:12 (3 times)"]


def test_a_scenario_that_raised_is_annotated_before_thresholds() -> None:
    """It decides, and GitHub shows the first ten."""
    summary = failed_run()
    summary["verdict"] |= {"status": "fail", "exit_codes": [107, 99], "reasons": ["no iteration completed"]}
    assert commands(summary)[0] == "::error title=checkout.py%3A FAIL::no iteration completed"


def test_a_run_that_passed_is_green_everywhere() -> None:
    """It has neither a failure nor an annotation."""
    summary = passed(0, "pass", "")
    assert "<failure" not in junit.render(summary)
    assert commands(summary) == []


def passed(code: int, status: str, reason: str) -> dict[str, Any]:
    """A run whose thresholds hold, with this verdict."""
    summary = failed_run()
    summary["thresholds"] = [{**each, "state": "pass"} for each in summary["thresholds"]]
    summary["checks"] = []
    summary["exit_code"] = code
    summary["verdict"] |= {"status": status, "exit_codes": [code], "reasons": [reason] if reason else []}
    summary["verdict"]["suspect"] = []
    return summary


def test_junit_of_a_threshold_without_data_is_an_error() -> None:
    """It is neither passed nor failed."""
    summary = failed_run()
    summary["thresholds"][0] |= {"state": "no_data", "value": None}
    (suite,) = suites(summary)
    assert [type(each) for each in next(iter(suite)).result] == [Error]


def test_names_cannot_break_a_document() -> None:
    """Quotes, tags, line breaks, commands and escape sequences of a name are text, everywhere."""
    summary = failed_run()
    summary["name"] = _NASTY
    summary["steps"][0]["name"] = _NASTY
    summary["checks"][0] |= {"step": _NASTY, "name": _NASTY}
    summary["thresholds"][0]["expression"] = _NASTY
    suites(summary)
    assert all(line.count("::") == 2 or not line.startswith("::") for line in commands(summary)[:1])
    assert not any("\n" in line for line in commands(summary))
    list(text_string_to_metric_families(gitlab.render(summary)))  # type: ignore[no-untyped-call]
    json.loads(benchmark.render(summary))
    told = markdown.render(summary)
    assert "\x1b" not in told
    assert "<b>" not in told
    assert "@team" not in told


def test_annotations_are_commands() -> None:
    """As the toolkit of GitHub escapes them: `:` and `,` in titles, `%` and line breaks everywhere."""
    assert annotation("error", "a: b, 100%", "x: y\nz") == "::error title=a%3A b%2C 100%25::x: y%0Az"
    found = commands(failed_run())
    assert found[0] == "::error title=checkout.py%3A errors.rate < 1%25::measured 3.9%25"
    grammar = re.compile(r"::(error|warning|notice) title=[^:,\r\n]+::[^\r\n]*")
    assert len(found) == 2
    assert all(grammar.fullmatch(line) for line in found)


def test_annotations_name_what_is_not_a_threshold() -> None:
    """An invalid run and doubts."""
    summary = failed_run()
    summary["thresholds"] = []
    summary["verdict"] |= {"status": "invalid", "reasons": ["the client was late"], "suspect": ["it drifts"]}
    assert commands(summary) == [
        "::error title=checkout.py%3A INVALID::the client was late",
        "::warning title=checkout.py%3A suspect::it drifts",
    ]


def test_gitlab_metrics_are_open_metrics() -> None:
    """As the parser of prometheus_client reads them, and as GitLab splits its lines."""
    text = gitlab.render(failed_run())
    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert set(families) == {
        *(f"loadcore_response_{name}_seconds" for name in ("p50", "p95", "p99")),
        "loadcore_error_ratio",
        "loadcore_requests_per_second",
    }
    samples = families["loadcore_response_p95_seconds"].samples
    assert (samples[0].labels, samples[0].value) == ({}, 0.388)
    assert samples[1].labels == {"scenario": "checkout", "step": "GET /"}
    lines = [shlex.split(line) for line in text.splitlines() if not line.startswith("#")]
    assert all(math.isfinite(float(words[-1])) for words in lines)
    assert len({" ".join(words[:-1]) for words in lines}) == len(lines) == 20


def test_benchmark_entries_are_what_the_action_takes() -> None:
    """Each has a name of its own, a unit and a number; ranges and extras are text."""
    entries = json.loads(benchmark.render(failed_run()))
    assert {"name": "checkout.py: all: response p95", "unit": "ms", "value": 388.0}.items() <= entries[1].items()
    assert len({each["name"] for each in entries}) == len(entries) == 16
    for each in entries:
        assert each.keys() <= {"name", "unit", "value", "range", "extra"}
        assert isinstance(each["value"], int | float)
        assert all(isinstance(each[key], str) for key in each.keys() - {"value"})


def test_ranges_of_slow_answers_have_no_exponent() -> None:
    """A range of seconds is written in milliseconds, in full."""
    slow = failed_run()
    slow["all"]["response"] |= {"p95_ns": 9_000_000_000}
    slow["all"]["response"]["intervals"] = {"p95": {"low_ns": 6_000_000_000, "high_ns": 21_345_000_000}}
    assert json.loads(benchmark.render(slow))[1]["range"] == "± 12345"


def test_markdown_answers_first_whether_it_passed() -> None:
    """Then thresholds, steps with the slowest first, errors; not more than sixty lines."""
    told = markdown.render(failed_run())
    lines = told.splitlines()
    assert lines[0] == "### :x: checkout.py: FAIL"
    assert lines[2].startswith("- 2 of 4 thresholds crossed")
    steps = [line.split(" | ")[0] for line in lines if re.match(r"\| (GET|POST|all)", line)]
    assert steps[:4] == ["| POST /checkout", "| GET /items/{id}", "| GET /", "| all"]
    assert len(lines) < 60
    many = failed_run()
    many["steps"] = [{**many["steps"][0], "name": f"GET /{number}"} for number in range(90)]
    assert len(markdown.render(many).splitlines()) < 60
    assert "+70 steps that are faster" in markdown.render(many)
