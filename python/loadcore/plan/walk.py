"""The steps of a flow, one after the other, however nested."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadcore.plan.document import StepPlan


def walk(steps: Iterable[StepPlan]) -> Iterator[StepPlan]:
    """Every step of a flow, those inside others too, each before what it holds."""
    for step in steps:
        yield step
        yield from walk(step.get("steps", ()))
        for _, option in step.get("options", ()):
            yield from walk(option)
        yield from walk(step.get("then", ()))
        yield from walk(step.get("otherwise", ()))
