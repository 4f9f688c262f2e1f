"""Steps that got their names during the run: those of users in Python, which no plan lists."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from loadcore.engine import StepInfo

if TYPE_CHECKING:
    from loadcore.engine import Section
    from loadcore.results.run_facts import RunStart
    from loadcore.results.sum.tally import Tally


def with_steps_met(start: RunStart, whole: Tally) -> RunStart:
    """The run's start as if its plan had listed all steps that were met, after those that it does."""
    known = {(step.scenario, step.section, step.name) for step in start.description.steps}
    met = [
        StepInfo(step.scenario, step.name, step.method, cast("Section", step.section))
        for key, step in whole.steps.items()
        if key not in known
    ]
    if not met:
        return start
    steps = (*start.description.steps, *met)
    return replace(start, description=start.description._replace(steps=steps))
