"""How many requests a second a plan asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.plan.document import LoadPlan, RatePlan, ScenarioPlan, StepPlan, ThinkPlan
    from loadcore.plan.plan import Plan

_NS = 1e9


def asked_per_s(plan: Plan) -> float | None:
    """Requests a second at the highest load; None if a scenario sends as fast as it can.

    Of users that pause it is what they would send to a target that answers at once.
    """
    rates = [_asked_of(scenario) for scenario in plan.document["scenarios"]]
    return None if None in rates else sum(rate for rate in rates if rate is not None)


def arrivals_per_s(plan: Plan) -> float:
    """Requests a second of the scenarios that start iterations at a rate, whatever the target does."""
    return sum(map(arrivals_of, plan.document["scenarios"]))


def arrivals_of(scenario: ScenarioPlan) -> float:
    """The same of one scenario."""
    return _highest_rate(scenario["load"]) * requests_of(scenario["steps"])


def requests_of(steps: Iterable[StepPlan]) -> float:
    """Requests that one walk over these steps makes, on average; of a branch the way with more of them."""
    return sum(map(_requests, steps))


def users_of(load: LoadPlan) -> int:
    """The most users that a closed model has, or that an open one may have."""
    if load["kind"] == "user_stages":
        start = load["start"]
        return max([start if isinstance(start, int) else 0, *(stage["users"] for stage in load["stages"])])
    return load["max_users"] if "max_users" in load else load["users"]


def _asked_of(scenario: ScenarioPlan) -> float | None:
    load, requests = scenario["load"], requests_of(scenario["steps"])
    if "max_users" in load:
        return arrivals_of(scenario)
    pause_ns = max(_pauses(scenario["steps"]), _mean_ns(scenario["pacing"]) if "pacing" in scenario else 0.0)
    return users_of(load) * requests * _NS / pause_ns if pause_ns else None


def _highest_rate(load: LoadPlan) -> float:
    rates: list[RatePlan] = []
    if load["kind"] == "arrival_rate":
        rates = [load["rate"]]
    elif load["kind"] == "arrival_stages":
        start = load["start"]
        rates = [*([] if isinstance(start, int) else [start]), *(stage["rate"] for stage in load["stages"])]
    return max((rate["count"] / rate["per_ns"] * _NS for rate in rates), default=0.0)


def _requests(step: StepPlan) -> float:
    match step["kind"]:
        case "request":
            return 1.0
        case "choice":
            weights = sum(weight for weight, _ in step["options"])
            return sum(weight * requests_of(option) for weight, option in step["options"]) / weights if weights else 0.0
        case "branch":
            return max(requests_of(step["then"]), requests_of(step.get("otherwise", ())))
        case _:
            return step.get("times", 1) * requests_of(step.get("steps", ()))


def _pauses(steps: Iterable[StepPlan]) -> float:
    """Think time of one walk over these steps, on average; of a branch the way with less of it."""
    return sum(map(_pause, steps))


def _pause(step: StepPlan) -> float:
    match step["kind"]:
        case "think":
            return _mean_ns(step)
        case "choice":
            weights = sum(weight for weight, _ in step["options"])
            return sum(weight * _pauses(option) for weight, option in step["options"]) / weights if weights else 0.0
        case "branch":
            return min(_pauses(step["then"]), _pauses(step.get("otherwise", ())))
        case _:
            return step.get("times", 1) * _pauses(step.get("steps", ()))


def _mean_ns(pause: ThinkPlan | StepPlan) -> float:
    match pause["distribution"]:
        case "constant":
            return float(pause["ns"])
        case "uniform":
            return (pause["min_ns"] + pause["max_ns"]) / 2
        case _:
            return float(pause["mean_ns"])
