"""The steps of a flow, one after the other, however nested."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadcore.plan.document import ScenarioPlan, StepPlan


def walk(steps: Iterable[StepPlan]) -> Iterator[StepPlan]:
    """Every step of a flow, those inside others too, each before what it holds."""
    for step in steps:
        yield step
        yield from walk(step.get("steps", ()))
        for _, option in step.get("options", ()):
            yield from walk(option)
        yield from walk(step.get("then", ()))
        yield from walk(step.get("otherwise", ()))


def every_step(scenario: ScenarioPlan) -> Iterator[StepPlan]:
    """Every step of a scenario: of its users' start, of an iteration, and of their stop."""
    return walk([*scenario["on_start"], *scenario["steps"], *scenario.get("on_stop", ())])
