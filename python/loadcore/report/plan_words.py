"""Parts of a plan in a few words: loads, pauses, durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.wording.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.report.glyphs import Glyphs


def load(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    """How load is offered: `50 users for 1m`, `0 → 1 000 users in 10s → 1 000 in 20s`, `400/s for 30s, …`."""
    match plan["kind"]:
        case "users":
            return f"{_users(plan['users'], glyphs)} for {length(plan['duration_ns'], glyphs)}"
        case "user_stages":
            lines = [
                f"{numbers.count(stage['users'], glyphs)} in {length(stage['duration_ns'], glyphs)}"
                for stage in plan["stages"]
            ]
            return f" {glyphs.arrow} ".join([_users(plan["start"], glyphs), *lines])
        case "arrival_rate":
            return f"{rate(plan['rate'], glyphs)} for {length(plan['duration_ns'], glyphs)}{_limits(plan, glyphs)}"
        case "arrival_stages":
            lines = [
                f"{rate(stage['rate'], glyphs)} in {length(stage['duration_ns'], glyphs)}" for stage in plan["stages"]
            ]
            return f" {glyphs.arrow} ".join([rate(plan["start"], glyphs), *lines]) + _limits(plan, glyphs)
        case _:
            whose = "each" if plan["scope"] == "per_user" else "in all"
            longest = length(plan["max_duration_ns"], glyphs)
            return f"{_users(plan['users'], glyphs)}, {_iterations(plan, glyphs)} {whose}, within {longest}"


def load_in_short(scenario: Mapping[str, Any], glyphs: Glyphs) -> str:
    """The load of a scenario of a summary, without its length: `1 000 users`, `50/s, at most 500 users`."""
    plan, planned = scenario.get("load"), scenario["users"]["planned"]
    users = _users(planned, glyphs) if planned else ""
    if plan is None:
        return f"arrivals, at most {users}" if scenario["model"] == "open" and users else users
    match plan["kind"]:
        case "arrival_rate":
            return rate(plan["rate"], glyphs) + _limits(plan, glyphs)
        case "arrival_stages":
            highest = max((plan["start"], *(stage["rate"] for stage in plan["stages"])), key=per_second)
            return f"up to {rate(highest, glyphs)}{_limits(plan, glyphs)}"
        case "user_stages":
            return f"up to {users}"
        case "iterations":
            whose = "each" if plan["scope"] == "per_user" else "in all"
            return f"{users}, {_iterations(plan, glyphs)} {whose}"
        case _:
            return users


def per_second(plan: Mapping[str, int]) -> float:
    """Iterations started per second, as a number."""
    return plan["count"] * 1e9 / plan["per_ns"]


def rate(plan: Mapping[str, int], glyphs: Glyphs) -> str:
    """Iterations started per second."""
    return f"{numbers.rate(per_second(plan), glyphs)}/s"


def pause(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    """How long a pause is: `1s`, `1s – 3s`, `about 2s` (exponential)."""  # noqa: RUF002 - the dash that is printed
    match plan["distribution"]:
        case "constant":
            return length(plan["ns"], glyphs)
        case "uniform":
            return f"{length(plan['min_ns'], glyphs)} {glyphs.dash} {length(plan['max_ns'], glyphs)}"
        case _:
            return f"about {length(plan['mean_ns'], glyphs)}"


def length(ns: int, glyphs: Glyphs) -> str:
    """A duration, exactly: `1m30s`, `250ms`, `5µs`."""
    return format_duration(ns).replace("us", glyphs.micro)


def warm_up(ns: int | None, glyphs: Glyphs) -> str:
    """Of a run."""
    return "until all users are started" if ns is None else length(ns, glyphs)


def condition(step: Mapping[str, Any]) -> str:
    """What a branch asks, as it is written: `next != ""`."""
    test = step["test"]
    if test == "exists":
        return f"{step['variable']} exists"
    compare = test["compare"]
    value = compare["value"]
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return f"{step['variable']} {compare['operator']} {shown}"


def _iterations(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    number = plan["iterations"]
    return f"{numbers.count(number, glyphs)} iteration{'' if number == 1 else 's'}"


def _users(number: int, glyphs: Glyphs) -> str:
    return f"{numbers.count(number, glyphs)} user{'' if number == 1 else 's'}"


def _limits(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    spread = ", at random" if plan["arrivals"] == "poisson" else ""
    return f"{spread}, at most {_users(plan['max_users'], glyphs)}"
