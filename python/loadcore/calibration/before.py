"""Whether a run is worth a calibration before it, and what that says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loadcore.calibration import cache
from loadcore.calibration.asked import arrivals_per_s, asked_per_s
from loadcore.calibration.measure import SECONDS, calibrate, usable_cores
from loadcore.calibration.shape import shape_of
from loadcore.errors import ExitCode, LoadcoreError
from loadcore.judge.headroom import Headroom
from loadcore.plan.checked import checked
from loadcore.processes.launch import workers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.calibration.measure import Calibration
    from loadcore.plan.plan import Plan

NEAR: Final = 0.3
"""Share of what was measured of such a plan from which an asked rate is measured again before a run."""
UNKNOWN_PER_CORE_S: Final = 1000.0
"""Requests a second for each core from which a plan that was never measured here is measured before a run."""


def before(plan: Plan, workers: int | None, say: Callable[[str], None]) -> Headroom | None:
    """Measure a plan whose rate may be too much for this machine; None where that need not be feared.

    Args:
        plan: The plan to run.
        workers: Processes that are asked for.
        say: Is told that it is measured, and whether the machine falls short.

    Raises:
        PlanError: The plan is not valid.
        RunError: A signal came.
    """
    arrivals = arrivals_per_s(plan)
    if not arrivals:
        return None
    plan = checked(plan)
    shape = shape_of(plan, SECONDS)
    cores = usable_cores(workers_of(plan, workers))
    asked = asked_per_s(plan) or arrivals
    if not is_worth_it(asked, cores, cache.recall(shape)):
        return None
    say(f"measuring for {SECONDS:g} s what this costs the client; --no-calibrate skips it")
    try:
        measured = calibrate(shape, workers)
    except LoadcoreError as problem:
        if problem.exit_code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
            raise
        say(f"the calibration failed: {problem}")
        return None
    cache.remember(shape, measured)
    found = Headroom.of(measured.cpu_ns_per_request, cores, asked)
    if not found.is_enough:
        say(f"warning: {found.text}; the client will be the bottleneck, not the target")
    return found


def is_worth_it(asked_per_s: float, cores: float, known: Calibration | None) -> bool:
    """Whether a run that asks for so much is worth measuring first.

    Args:
        asked_per_s: Requests a second that are asked for.
        cores: Cores that the workers may use.
        known: What was last measured of such a plan here, if anything.
    """
    if known is None:
        return asked_per_s > UNKNOWN_PER_CORE_S * cores
    return asked_per_s > NEAR * cores * 1e9 / known.cpu_ns_per_request
