"""The thresholds of a run: which ones hold, and what their scopes mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.compiler.problems import Problems
from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.rule import DEFAULT
from loadcore.judge.thresholds.scope import defaults, resolve
from loadcore.plan.walk import every_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.plan.plan import Plan
    from loadcore.scenario.scenario import Scenario
    from loadcore.scenario.threshold import Threshold


def compile_thresholds(
    plan: Plan,
    scenarios: Sequence[Scenario],
    of_file: Sequence[str | Threshold] = (),
    given: Sequence[str | Threshold] = (),
    guards: Sequence[Threshold] = (),
) -> tuple[Rule, ...]:
    """The rules by which the run is judged.

    Args:
        plan: What the scenarios were compiled to; it knows the steps that thresholds may name.
        scenarios: Their own thresholds judge themselves only.
        of_file: The file's `THRESHOLDS`.
        given: What was given when the run was started. It takes the place of all others.
        guards: What ends the run early, whatever else it is judged by: it replaces nothing.

    Returns:
        The rules in the order they are written, the defaults that none of them replaces, the guards.

    Raises:
        ScenarioError: With everything that is wrong with them.
    """
    problems = Problems()
    rules: list[Rule] = []
    declared: list[tuple[str | Threshold, Scenario | None]] = [(each, None) for each in (given or of_file)]
    if not given:
        for scenario in scenarios:
            if isinstance(scenario.thresholds, tuple):
                declared += [(each, scenario) for each in scenario.thresholds]
            else:
                message = f"thresholds is {scenario.thresholds!r}: it must be a list"
                problems.add(scenario.place, message, f'write thresholds=["{DEFAULT}"]')
    guarding: list[Rule] = []
    for what, to, group in (
        ("threshold", rules, declared),
        ("abort_on", guarding, [(each, None) for each in guards]),
    ):
        for threshold, owner in group:
            try:
                to.append(resolve(parse(threshold), plan.steps(), owner.name if owner else None, plan.scripted()))
            except ValueError as error:
                problems.add(owner.place if owner else None, f"{what}: {error}")
    problems.raise_if_any()
    scripted = plan.scripted()
    found = dict.fromkeys([*rules, *_defaults(plan, rules), *guarding])
    return tuple(_of_scripts(rule, scripted) for rule in found)


def _of_scripts(rule: Rule, scripted: AbstractSet[str]) -> Rule:
    """The rule, and whether it may find no check: those of users in Python are known in the end only."""
    is_about_checks = rule.metric.name.startswith("checks.") and rule.step is None
    is_scripted = rule.scenario in scripted if rule.scenario is not None else bool(scripted)
    return replace(rule, may_lack_checks=True) if is_about_checks and is_scripted else rule


def _defaults(plan: Plan, rules: Sequence[Rule]) -> list[Rule]:
    names = [scenario["name"] for scenario in plan.document["scenarios"]]
    checking = {
        scenario["name"]
        for scenario in plan.document["scenarios"]
        if any(step.get("checks") for step in every_step(scenario))
    } | plan.scripted()
    arriving = {each["name"] for each in plan.document["scenarios"] if each["load"]["kind"].startswith("arrival_")}
    # What ends a run early allows far more than what it is judged by.
    return defaults([rule for rule in rules if rule.abort_after_ns is None], names, checking, arriving)
