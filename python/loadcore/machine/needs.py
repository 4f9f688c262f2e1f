"""What a plan needs of the machine: users, connections, bodies."""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadcore.machine.client_limits import Needs
from loadcore.plan.checked import checked, description_of
from loadcore.plan.outline import base_urls, requests_in
from loadcore.scenario.load_models import usual_max_users

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadcore.plan.document import LoadPlan, RatePlan, ScenarioPlan, StepPlan
    from loadcore.plan.plan import Plan

USUAL_KEPT_BODY = 4 << 20
"""`Limits(kept_body=…)` unless the plan sets it."""
_NS = 1e9
_EXPECTED_S = 1.0
"""How long an iteration is taken to last beforehand, where the users of an open model are not set."""
_OF_BODIES = frozenset({"json", "contains", "regex"})
_MOST_BODIES = 64 << 10
"""Bytes that most bodies do not have."""


def most_users(plan: Plan) -> int:
    """The most users that run at once, if all scenarios have their most at the same time."""
    return sum(scenario.users for scenario in description_of(plan).scenarios)


def expected_users(plan: Plan, rates: Mapping[str, float] | None = None) -> int:
    """The users that a machine must have room for: for open models without `max_users`, those of one second.

    Args:
        plan: The plan.
        rates: By scenario rates per second that take the place of the planned ones.
    """
    users, rates = _users(plan), rates or {}
    return sum(
        _expected_users(scenario["load"], users[scenario["name"]], rates.get(scenario["name"]))
        for scenario in plan.document["scenarios"]
    )


def needs(
    plan: Plan, connections: Sequence[int], *, rates: Mapping[str, float] | None = None, share: float = 1.0
) -> Needs:
    """What a run needs of the machine.

    Args:
        plan: The plan to run.
        connections: The most sockets each worker may hold open at once.
        rates: By scenario rates per second that take the place of the planned ones.
        share: The share of the load that this machine has.
    """
    plan = checked(plan)
    reuse = plan.document["http"]["reuse"]
    scenarios = plan.document["scenarios"]
    highest = {each["name"]: _highest_rate(each["load"]) for each in scenarios} | dict(rates or {})
    opened = share * sum(_opened_per_s(scenario, reuse, highest[scenario["name"]]) for scenario in scenarios)
    most, expected = most_users(plan), expected_users(plan, rates)
    is_open = all("max_users" in scenario["load"] for scenario in scenarios)
    return Needs(
        tuple(math.ceil(each * expected / most) if most else each for each in connections),
        opened,
        loopback=all(map(_is_loopback, base_urls(plan).values())),
        kept_bodies=math.ceil(share * _kept_bodies(plan)),
        opened_in_all=math.ceil(share * _opened_in_all(scenarios, reuse))
        if is_open and reuse != "user" and not rates
        else None,
        may_allow_fewer=any("max_users" in scenario["load"] for scenario in scenarios),
    )


def _users(plan: Plan) -> dict[str, int]:
    """The most users of each scenario."""
    return {scenario.name: scenario.users for scenario in description_of(plan).scenarios}


def _expected_users(load: LoadPlan, users: int, rate: float | None = None) -> int:
    """The users that a machine must have room for.

    Those of an open model without `max_users` are a bound for a target that is far too slow: what it needs of a usual
    one is what arrives while an iteration lasts. If that is not enough, requests that are not sent will say so.
    """
    highest = _highest_rate(load)
    if "max_users" not in load or users != usual_max_users(highest):
        return users
    return min(users, max(1, math.ceil((rate or highest) * _EXPECTED_S)))


def _opened_in_all(scenarios: Iterable[ScenarioPlan], reuse: str) -> float:
    """Connections that open models open in the whole run."""
    return sum(
        _arrivals(scenario["load"]) * (_requests(scenario["steps"]) if reuse == "request" else 1)
        for scenario in scenarios
    )


def _arrivals(load: LoadPlan) -> float:
    """Iterations that an open model starts in the whole run."""
    if load["kind"] == "arrival_rate":
        return _per_s(load["rate"]) * load["duration_ns"] / _NS
    if load["kind"] != "arrival_stages":
        return 0.0
    total, before = 0.0, 0.0 if isinstance(load["start"], int) else _per_s(load["start"])
    for stage in load["stages"]:
        after = _per_s(stage["rate"])
        total += (before + after) / 2 * stage["duration_ns"] / _NS
        before = after
    return total


def _kept_bodies(plan: Plan) -> int:
    """Bytes of bodies that all users may keep at once.

    A limit that was raised is meant: bodies are that large. The usual one is for safety, and most bodies are far
    smaller; for open models it is unknown how many of their maximum users will be needed.
    """
    limit = plan.document["http"]["limits"]["kept_body_bytes"]
    logins = {auth["name"] for auth in plan.document["auth"] if auth["way"]["kind"] == "login"}
    most, users = _users(plan), 0
    for scenario in plan.document["scenarios"]:
        is_raised = limit > USUAL_KEPT_BODY
        if (is_raised or "max_users" not in scenario["load"]) and _keeps_bodies(scenario, logins):
            users += most[scenario["name"]]
    return users * (limit if limit > USUAL_KEPT_BODY else min(limit, _MOST_BODIES))


def _keeps_bodies(scenario: ScenarioPlan, logins: set[str]) -> bool:
    """Whether a request of a scenario looks into the body of its response."""
    return any(
        step.get("auth", scenario.get("auth")) in logins
        or any(check["claim"]["kind"] in _OF_BODIES for check in step.get("checks", ()))
        or any(extract["from"]["kind"] in _OF_BODIES for extract in step.get("extracts", ()))
        for step in requests_in(scenario)
    )


def _opened_per_s(scenario: ScenarioPlan, reuse: str, highest: float) -> float:
    """Connections opened per second at the highest arrival rate. Of closed models it is not known beforehand."""
    if reuse == "user":
        return 0.0
    return highest * (_requests(scenario["steps"]) if reuse == "request" else 1)


def _highest_rate(load: LoadPlan) -> float:
    rates: list[RatePlan] = []
    if load["kind"] == "arrival_rate":
        rates = [load["rate"]]
    elif load["kind"] == "arrival_stages":
        start = load["start"]
        rates = [*([start] if not isinstance(start, int) else []), *(stage["rate"] for stage in load["stages"])]
    return max(map(_per_s, rates), default=0.0)


def _per_s(rate: RatePlan) -> float:
    return rate["count"] / rate["per_ns"] * _NS


def _requests(steps: Iterable[StepPlan]) -> int:
    """The most requests that one walk over these steps makes."""
    return sum(_requests_of(step) for step in steps)


def _requests_of(step: StepPlan) -> int:
    match step["kind"]:
        case "request":
            return 1
        case "group":
            return _requests(step["steps"])
        case "repeat":
            return step["times"] * _requests(step["steps"])
        case "choice":
            return max((_requests(option) for _, option in step["options"]), default=0)
        case "branch":
            return max(_requests(step["then"]), _requests(step.get("otherwise", ())))
        case _:
            return 0


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        if host == "localhost":
            return True
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
