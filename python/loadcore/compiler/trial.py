"""A plan changed for trying it out: one user takes each way through its choices once, and everything is shown.

Chance would leave options out, so each choice gets the option to take in each iteration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.plan.plan import Plan
from loadcore.report import plan_words
from loadcore.results.attempt import Untried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from loadcore.plan.document import PlanDocument, ScenarioPlan, ScriptPlan, StepPlan

MOST_ITERATIONS = 32
"""More ways through a scenario than this are not tried; those left out are named."""


def trial(plan: Plan) -> Plan:
    """The plan with as many iterations of one user as it takes to take each option of each choice once."""
    document: PlanDocument = {
        **plan.document,
        "samples": "everything",
        "scenarios": [_scenario(scenario) for scenario in plan.document["scenarios"]],
    }
    return Plan(document)


def untried(plan: Mapping[str, Any], sent: AbstractSet[tuple[str, str]], failed: AbstractSet[str]) -> list[Untried]:
    """The requests of a plan that were not sent.

    Args:
        plan: The plan without secrets.
        sent: Scenario and step of what was sent.
        failed: The scenarios of which an iteration ended early.
    """
    found: dict[tuple[str, str], Untried] = {}
    for scenario in plan["scenarios"]:
        name = scenario["name"]
        flows = [*scenario["on_start"], *scenario["steps"], *scenario.get("on_stop", ())]
        for step, condition in _requests(flows, plan.get("scripts", ())):
            if (name, step) not in sent:
                found.setdefault((name, step), Untried(name, step, _why(condition, ended=name in failed)))
    return list(found.values())


def _why(condition: str, *, ended: bool) -> str:
    if ended:
        return f"the iteration ended before this step{f', or {condition}' if condition else ''}"
    return condition or "its option was not taken"


def _requests(
    steps: Iterable[StepPlan], scripts: Sequence[ScriptPlan], condition: str = ""
) -> Iterator[tuple[str, str]]:
    """Every request with what the nearest branch around it says where it is not sent."""
    for step in steps:
        if step["kind"] == "request":
            yield step["name"], condition
        if step["kind"] == "script":
            yield from ((name, f"{step['name']} did not send it") for name in scripts[step["script"]]["calls"])
        yield from _requests(step.get("steps", ()), scripts, condition)
        for _, option in step.get("options", ()):
            yield from _requests(option, scripts, condition)
        if step["kind"] == "branch":
            asked = plan_words.condition(step)
            yield from _requests(step["then"], scripts, f"`{asked}` did not hold")
            yield from _requests(step.get("otherwise", ()), scripts, f"`{asked}` held")


def _scenario(scenario: ScenarioPlan) -> ScenarioPlan:
    iterations = min(_ways(scenario["steps"]), MOST_ITERATIONS)
    return {
        **scenario,
        "load": {**scenario["load"], "iterations": iterations},
        "on_start": _turned(scenario["on_start"], [0]),
        "steps": _turned(scenario["steps"], range(iterations)),
    }


def _ways(steps: Iterable[StepPlan]) -> int:
    """How many iterations it takes to take each option in these steps once."""
    return max(map(_ways_of, steps), default=1)


def _ways_of(step: StepPlan) -> int:
    if step["kind"] == "choice":
        return max(1, sum(_ways(option) for _, option in step["options"]))
    return max(_ways(step.get("steps", ())), _ways(step.get("then", ())), _ways(step.get("otherwise", ())))


def _turned(steps: Iterable[StepPlan], turns: Sequence[int]) -> list[StepPlan]:
    """The steps, told which way to take in each iteration: `turns` counts the ways."""
    return [_turned_step(step, [turn % _ways_of(step) for turn in turns]) for step in steps]


def _turned_step(step: StepPlan, turns: Sequence[int]) -> StepPlan:
    if step["kind"] != "choice":
        changed = step.copy()
        for part in ("steps", "then", "otherwise"):
            if part in step:
                changed[part] = _turned(step[part], turns)
        return changed
    options, taken, first = [], [0] * len(turns), 0
    for index, (weight, option) in enumerate(step["options"]):
        ways = _ways(option)
        within = [turn - first if first <= turn < first + ways else 0 for turn in turns]
        taken = [index if first <= turn < first + ways else before for turn, before in zip(turns, taken, strict=True)]
        options.append((weight, _turned(option, within)))
        first += ways
    return {**step, "options": options, "turns": taken}
