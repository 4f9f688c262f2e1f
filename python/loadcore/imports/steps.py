"""What is done to steps, those of groups too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.imports.draft import Group, Think

if TYPE_CHECKING:
    from loadcore.imports.draft import Call, Step


def removed(steps: list[Step], call: Call) -> list[Step]:
    """The steps without a call, and without the pause behind it."""
    kept: list[Step] = []
    before: Step | None = None
    for step in steps:
        is_its_pause = before is call and isinstance(step, Think)
        before = step
        if step is call or is_its_pause:
            continue
        if isinstance(step, Group):
            step.steps = removed(step.steps, call)
            if not step.steps:
                continue
        kept.append(step)
    return kept
