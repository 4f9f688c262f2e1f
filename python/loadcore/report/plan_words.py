"""Parts of a plan in a few words: loads, pauses, durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.report.glyphs import Glyphs


def load(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    """How load is offered: `50 users for 1m`, `0 → 1 000 users in 10s → 1 000 in 20s`, `400/s for 30s, …`."""
    match plan["kind"]:
        case "users":
            return f"{_users(plan['users'], glyphs)} for {format_duration(plan['duration_ns'])}"
        case "user_stages":
            lines = [
                f"{numbers.count(stage['users'], glyphs)} in {format_duration(stage['duration_ns'])}"
                for stage in plan["stages"]
            ]
            return f" {glyphs.arrow} ".join([_users(plan["start"], glyphs), *lines])
        case "arrival_rate":
            return f"{rate(plan['rate'], glyphs)} for {format_duration(plan['duration_ns'])}{_limits(plan, glyphs)}"
        case "arrival_stages":
            lines = [
                f"{rate(stage['rate'], glyphs)} in {format_duration(stage['duration_ns'])}" for stage in plan["stages"]
            ]
            return f" {glyphs.arrow} ".join([rate(plan["start"], glyphs), *lines]) + _limits(plan, glyphs)
        case _:
            whose = "each" if plan["scope"] == "per_user" else "in all"
            number = f"{numbers.count(plan['iterations'], glyphs)} iteration{'' if plan['iterations'] == 1 else 's'}"
            longest = format_duration(plan["max_duration_ns"])
            return f"{_users(plan['users'], glyphs)}, {number} {whose}, within {longest}"


def rate(plan: Mapping[str, int], glyphs: Glyphs) -> str:
    """Iterations started per second."""
    return f"{numbers.rate(plan['count'] * 1e9 / plan['per_ns'], glyphs)}/s"


def pause(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    """How long a pause is: `1s`, `1s – 3s`, `about 2s` (exponential)."""  # noqa: RUF002 - the dash that is printed
    match plan["distribution"]:
        case "constant":
            return format_duration(plan["ns"])
        case "uniform":
            return f"{format_duration(plan['min_ns'])} {glyphs.dash} {format_duration(plan['max_ns'])}"
        case _:
            return f"about {format_duration(plan['mean_ns'])}"


def _users(number: int, glyphs: Glyphs) -> str:
    return f"{numbers.count(number, glyphs)} user{'' if number == 1 else 's'}"


def _limits(plan: Mapping[str, Any], glyphs: Glyphs) -> str:
    spread = ", at random" if plan["arrivals"] == "poisson" else ""
    return f"{spread}, at most {_users(plan['max_users'], glyphs)}"
