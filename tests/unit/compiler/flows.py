"""Short ways to compile one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore import Scenario, get
from loadcore.compiler import Options, Overrides, compile_plan, override
from loadcore.errors import ScenarioError

if TYPE_CHECKING:
    from loadcore.plan.document import PlanDocument, ScenarioPlan, StepPlan
    from loadcore.plan.plan import Plan

BASE_URL = "http://127.0.0.1:8080"


def scenario(*steps: Any, name: str = "one", **settings: Any) -> Scenario:
    """A scenario of these steps, by default one request."""
    return Scenario(name, **{"base_url": BASE_URL, "steps": list(steps) or [get("/")], **settings})


def plan(*scenarios: Scenario, **options: Any) -> Plan:
    """The plan of scenarios as overrides change them, with a fixed seed."""
    of_run = {name: options.pop(name) for name in ("seed", "name", "once") if name in options}
    return compile_plan(override(scenarios, [Overrides.of(options)]), Options(**{"seed": 1, **of_run}))


def document(*scenarios: Scenario, **options: Any) -> PlanDocument:
    """The fields of the plan."""
    return plan(*scenarios, **options).document


def compiled(*steps: Any, **settings: Any) -> ScenarioPlan:
    """What a scenario of these steps is compiled to."""
    return document(scenario(*steps, **settings))["scenarios"][0]


def step(declared: Any) -> StepPlan:
    """What one step is compiled to, without its place."""
    result = compiled(declared)["steps"][0]
    result.pop("at", None)
    return result


def problems(*scenarios: Scenario, **options: Any) -> list[str]:
    """What is wrong, without places and hints."""
    try:
        plan(*scenarios, **options)
    except ScenarioError as error:
        return [problem.message for problem in error.problems]
    return []
