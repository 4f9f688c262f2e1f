"""How much room a run will take on the disk."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from loadcore.calibration.asked import asked_per_s
from loadcore.plan.checked import description_of

if TYPE_CHECKING:
    from loadcore.plan.plan import Plan

ROW_BYTES: Final = 24
"""The most that a request takes, on average, in the files of rows."""
_WINDOW_BYTES: Final = 3_000
"""The same of a second of one step in one worker."""
_NS: Final = 1e9


def disk_of(plan: Plan, workers: int) -> int | None:
    """The most bytes that the files of a run will have; None where it is not known how many requests it will make.

    Users that pause count as if the target answered at once, and ramps as if they were at their top.
    """
    described = description_of(plan)
    ends = [each.planned_end_ns for each in described.scenarios]
    rate = None if plan.scripted() else asked_per_s(plan)
    if rate is None or None in ends:
        return None
    seconds = max((end for end in ends if end is not None), default=0) / _NS
    return ceil(seconds * (rate * ROW_BYTES + workers * len(described.steps) * _WINDOW_BYTES))
