"""The thresholds of a run."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore import Scenario, Threshold, get
from loadcore.compiler import compile_thresholds
from loadcore.errors import ScenarioError
from tests.unit.scenario.flows import plan, scenario


def rules(*scenarios: Scenario, **settings: Any) -> list[tuple[str, str | None, str | None]]:
    """Expression and scope of each rule."""
    found = compile_thresholds(plan(*scenarios), scenarios, **settings)
    return [(rule.expression, rule.scenario, rule.step) for rule in found]


def test_without_any_threshold_the_default_is_judged() -> None:
    """A run that says nothing is judged by its error rate."""
    assert rules(scenario()) == [("errors.rate < 1%", None, None)]


def test_thresholds_of_the_file_judge_the_run_and_those_of_a_scenario_itself() -> None:
    """Both hold; the default does not come on top."""
    declared = scenario(get("/a"), thresholds=["service.p95 < 1s", "GET /a: service.p99 < 2s"])
    assert rules(declared, scenario(name="two"), of_file=["throughput > 1/s"]) == [
        ("throughput > 1/s", None, None),
        ("service.p95 < 1s", "one", None),
        ("GET /a: service.p99 < 2s", "one", "GET /a"),
    ]


def test_given_thresholds_take_the_place_of_all_others() -> None:
    """What is given when the run is started is what it is judged by."""
    declared = scenario(thresholds=["service.p95 < 1s"])
    assert rules(declared, of_file=["throughput > 1/s"], given=["errors.rate < 5%"]) == [
        ("errors.rate < 5%", None, None)
    ]


def test_a_threshold_written_twice_is_judged_once() -> None:
    """The same rule does not stand in the summary twice."""
    assert len(rules(scenario(), of_file=["errors.rate < 5%", "errors.rate <  5%"])) == 1


def test_an_abort_is_kept() -> None:
    """How long a threshold waits before it ends the run is read with its unit."""
    declared = scenario(thresholds=[Threshold("errors.rate < 50%", abort_after="10s")])
    (rule,) = compile_thresholds(plan(declared), [declared])
    assert rule.abort_after_ns == 10 * 10**9


def test_all_that_is_wrong_is_said() -> None:
    """Every threshold that cannot be judged is reported, with the scenario's place."""
    declared = scenario(thresholds=["eror.rate < 1%", "GET /x: service.p95 < 1s", Threshold("errors.rate < 1%", "10")])
    with pytest.raises(ScenarioError) as caught:
        rules(declared)
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        'threshold: "eror.rate" is nothing that is measured, did you mean "errors.rate"?',
        'threshold: "GET /x: service.p95 < 1s": there is no step "GET /x", did you mean "GET /"?',
        'threshold: 10 has no unit: write "10s" or "10ms"',
    ]
    assert {problem.at for problem in caught.value.problems} == {str(declared.place)}


def test_thresholds_are_a_list() -> None:
    """A text would be read letter by letter."""
    with pytest.raises(ScenarioError, match=r"thresholds is 'errors.rate < 1%': it must be a list"):
        rules(scenario(thresholds="errors.rate < 1%"))
