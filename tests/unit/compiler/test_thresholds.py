"""The thresholds of a run."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore import Scenario, Threshold, choice, get, repeat, response
from loadcore.compiler import compile_thresholds
from loadcore.errors import ScenarioError
from tests.unit.compiler.flows import plan, scenario


def rules(*scenarios: Scenario, **settings: Any) -> list[tuple[str, str | None, str | None]]:
    """Expression and scope of each rule."""
    found = compile_thresholds(plan(*scenarios), scenarios, **settings)
    return [(rule.expression, rule.scenario, rule.step) for rule in found]


ERRORS = "errors.rate < 1%"
CHECKS = "checks.rate > 99%"


def checked(**options: Any) -> Scenario:
    """A scenario that makes a check."""
    return scenario(get("/a", checks=[response.status == 200]), **options)


def test_without_any_threshold_the_defaults_are_judged() -> None:
    """A run that says nothing is judged by its error rate and, if it makes checks, by these."""
    assert rules(scenario()) == [(ERRORS, None, None)]
    assert rules(checked()) == [(ERRORS, None, None), (CHECKS, None, None)]


def test_a_check_in_the_start_or_deep_in_the_steps_is_a_check() -> None:
    """Wherever it is made, it is judged."""
    made = get("/a", checks=[response.status == 200])
    assert (CHECKS, None, None) in rules(scenario(on_start=[made]))
    assert (CHECKS, None, None) in rules(scenario(repeat(2, [choice((1, [made]), (1, [get("/b")]))])))


def test_thresholds_of_the_file_judge_the_run_and_those_of_a_scenario_itself() -> None:
    """Both are judged, and the defaults with them: none of these says anything about errors."""
    declared = scenario(get("/a"), thresholds=["service.p95 < 1s", "GET /a: service.p99 < 2s"])
    assert rules(declared, scenario(name="two"), of_file=["throughput > 1/s"]) == [
        ("throughput > 1/s", None, None),
        ("one/*: service.p95 < 1s", "one", None),
        ("one/GET /a: service.p99 < 2s", "one", "GET /a"),
        (f"one/*: {ERRORS}", "one", None),
        (f"two/*: {ERRORS}", "two", None),
    ]


def test_given_thresholds_take_the_place_of_all_others() -> None:
    """What is given when the run is started is what it is judged by; what it does not speak of is judged by default."""
    declared = scenario(thresholds=["service.p95 < 1s"])
    assert rules(declared, of_file=["throughput > 1/s"], given=["errors.rate < 5%"]) == [
        ("errors.rate < 5%", None, None)
    ]
    assert rules(declared, given=["throughput > 1/s"]) == [("throughput > 1/s", None, None), (ERRORS, None, None)]


@pytest.mark.parametrize("own", ["errors.rate <= 100%", "errors.count < 5", "one/*: errors.rate < 5%"])
def test_a_threshold_about_errors_replaces_the_default_for_errors(own: str) -> None:
    """Any metric of errors does, if it is about all steps; the checks are judged as before."""
    assert [expression for expression, *_ in rules(checked(), of_file=[own])] == [own, CHECKS]


def test_a_threshold_about_checks_replaces_the_default_for_checks() -> None:
    """The other way round."""
    assert [expression for expression, *_ in rules(checked(), of_file=["checks.failed < 5"])] == [
        "checks.failed < 5",
        ERRORS,
    ]


def test_a_threshold_about_one_step_replaces_no_default() -> None:
    """The other steps would not be judged at all."""
    assert rules(scenario(get("/a")), of_file=["GET /a: errors.rate < 50%"])[1:] == [(ERRORS, None, None)]


def test_a_scenario_replaces_its_own_default_only() -> None:
    """Of several scenarios each is judged by itself."""
    lenient = checked(thresholds=["errors.rate < 50%"])
    assert rules(lenient, scenario(name="two")) == [
        ("one/*: errors.rate < 50%", "one", None),
        (f"two/*: {ERRORS}", "two", None),
        (f"one/*: {CHECKS}", "one", None),
    ]


def test_what_ends_a_run_early_replaces_no_default() -> None:
    """A run with 40 % errors that `--abort-on "errors.rate < 50%"` let live is not a good one."""
    guard = Threshold("errors.rate < 50%", abort_after="5s")
    assert [expression for expression, *_ in rules(scenario(), guards=[guard])] == [ERRORS, "errors.rate < 50%"]


def test_a_threshold_written_twice_is_judged_once() -> None:
    """The same rule is not in the summary twice."""
    assert len(rules(scenario(), of_file=["errors.rate < 5%", "errors.rate <  5%"])) == 1


def test_an_abort_is_kept() -> None:
    """How long a threshold waits before it ends the run is read with its unit."""
    declared = scenario(thresholds=[Threshold("errors.rate < 50%", abort_after="10s")])
    rule, default = compile_thresholds(plan(declared), [declared])
    assert rule.abort_after_ns == 10 * 10**9
    assert default.expression == ERRORS, "what ends a run early is not what it is judged by"


def test_all_that_is_wrong_is_said() -> None:
    """Every threshold that cannot be judged is reported, with the scenario's place."""
    declared = scenario(thresholds=["eror.rate < 1%", "GET /x: service.p95 < 1s", Threshold("errors.rate < 1%", "10")])
    with pytest.raises(ScenarioError) as caught:
        rules(declared)
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        'threshold: "eror.rate" is not a metric, did you mean "errors.rate"?',
        'threshold: "GET /x: service.p95 < 1s": unknown step "GET /x", did you mean "GET /"?',
        'threshold: 10 has no unit: write "10s" or "10ms"',
    ]
    assert {problem.at for problem in caught.value.problems} == {str(declared.place)}


def test_thresholds_are_a_list() -> None:
    """A string would be read letter by letter."""
    with pytest.raises(ScenarioError, match=r"thresholds is 'errors.rate < 1%': it must be a list"):
        rules(scenario(thresholds="errors.rate < 1%"))
