"""Everything that is wrong with a run, found before it starts and said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.compiler.plan import compile_into
from loadcore.compiler.problems import Problems
from loadcore.compiler.thresholds import compile_thresholds
from loadcore.errors import PlanError, Problem, ScenarioError
from loadcore.plan.checked import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.compiler.options import Options
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.plan.plan import Plan
    from loadcore.scenario.scenario import Scenario
    from loadcore.scenario.threshold import Threshold


def compile_run(
    scenarios: Sequence[Scenario],
    options: Options,
    of_file: Sequence[str | Threshold] = (),
    given: Sequence[str | Threshold] = (),
    guards: Sequence[Threshold] = (),
) -> tuple[Plan, tuple[Rule, ...]]:
    """The plan and the rules by which the run is judged.

    Args:
        scenarios: As of `compile_plan`.
        options: As of `compile_plan`.
        of_file: As of `compile_thresholds`.
        given: As of `compile_thresholds`.
        guards: As of `compile_thresholds`.

    Raises:
        ScenarioError: With everything that is wrong in declarations, options and thresholds, and with the plan.
        ScenarioRaised: A function given to `rows_feeder` raised.
    """
    problems = Problems()
    plan = compile_into(problems, scenarios, options)
    found = list(problems)
    rules: tuple[Rule, ...] = ()
    try:
        rules = compile_thresholds(plan, scenarios, of_file, given, guards)
    except ScenarioError as error:
        found += error.problems
    try:
        plan = _checked(plan)
    except PlanError as error:
        # Places where a value was replaced have a problem already.
        places = {problem.at for problem in found}
        found += [problem for problem in error.problems if not found or (problem.at and problem.at not in places)]
    if found:
        raise ScenarioError(found)
    return plan, rules


def _checked(plan: Plan) -> Plan:
    """The plan as the engine has checked it, which can be asked only for what bytes can be made of."""
    try:
        plan.to_json().encode()
    except UnicodeEncodeError as error:
        # Python strings may contain such a half, and so may JSON.
        half = ascii(error.object[error.start])
        message = f"a string of the scenario contains {half}, which is half of a character"
        raise PlanError([Problem(message)]) from error
    return checked(plan)
