"""The slowest requests that have a trace."""

from __future__ import annotations

import random
from typing import Any

import jsonschema

from loadcore.results.sum.exemplars import MOST_OF_STEP, Exemplar, slowest
from loadcore.results.sum.summary import schema
from loadcore.results.sum.tally import StepTotals, Tally
from loadcore.results.sum.traced import MOST, section_of

TRACES = {"sample": 0.01, "url": "https://tempo.test/{trace_id}"}


def exemplar(number: int, service_ms: int, outcome: str = "ok") -> dict[str, Any]:
    """One, as windows have it."""
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "end_ns": number * 1_000_000,
        "service_ns": service_ms * 1_000_000,
        "response_ns": service_ms * 1_000_000 + 5,
        "status": 200 if outcome == "ok" else 0,
        "outcome": outcome,
    }


def step(name: str, section: str, *entries: dict[str, Any]) -> StepTotals:
    """A step that had these."""
    return StepTotals("shop", name, "GET", section, exemplars=slowest(map(Exemplar.of, entries)))


def tally(*steps: StepTotals) -> Tally:
    """Steps added up."""
    found = Tally()
    for each in steps:
        found.steps[each.scenario, each.section, each.name] = each
    return found


def test_sums_keep_the_slowest_in_whatever_order() -> None:
    """Parts that are added up in any order have the same ones."""
    entries = [exemplar(number, number * 7 % 40) for number in range(30)]
    expected = slowest(map(Exemplar.of, entries))
    assert [each.service_ns for each in expected] == sorted((each.service_ns for each in expected), reverse=True)
    for seed in range(5):
        random.Random(seed).shuffle(entries)
        whole = step("a", "main")
        for start in range(0, 30, 3):
            whole.add(step("a", "main", *entries[start : start + 3]))
        assert whole.exemplars == expected
        assert len(expected) == MOST_OF_STEP


def test_the_summary_lists_the_slowest_of_all_steps() -> None:
    """Of iterations in the steady phase only, of token calls in all; one without an answer has no status."""
    main = step("a", "main", exemplar(1, 10), exemplar(2, 30, "timeout_total"))
    warm = step("a", "main", exemplar(3, 99))
    token = step("token", "auth", exemplar(4, 20))
    found = section_of(TRACES, tally(main), tally(warm, token))["traces"]
    assert [(each["step"], each["service_ns"] // 1_000_000, each["status"]) for each in found["slowest"]] == [
        ("a", 30, None),
        ("token", 20, 200),
        ("a", 10, 200),
    ]
    assert found["sample"] == 0.01
    jsonschema.validate(found, schema()["properties"]["traces"])


def test_a_run_with_many_steps_lists_some() -> None:
    """The summary stays small."""
    steps = [step(f"s{number}", "main", *(exemplar(9 * number + n, n) for n in range(5))) for number in range(9)]
    assert len(section_of(TRACES, tally(*steps), tally())["traces"]["slowest"]) == MOST


def test_a_run_that_traces_nothing_says_nothing() -> None:
    """The key is missing."""
    assert section_of(None, tally(step("a", "main")), tally()) == {}
