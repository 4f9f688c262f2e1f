"""What a plan says about the run as a whole: targets, loads, what may end an iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.plan.walk import every_step, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.plan.document import ScenarioPlan, StepPlan, WayPlan
    from loadcore.plan.plan import Plan


def base_urls(plan: Plan) -> dict[str, str]:
    """The target of each scenario."""
    return {scenario["name"]: scenario["base_url"] for scenario in plan.document["scenarios"]}


def loads(plan: Plan) -> dict[str, dict[str, Any]]:
    """The load model of each scenario, as in the plan."""
    return {scenario["name"]: dict(scenario["load"]) for scenario in plan.document["scenarios"]}


def stopping_checks(plan: Plan) -> list[tuple[str, str, str]]:
    """Scenario, step and name of every check whose failure ends the iteration."""
    return [
        (scenario["name"], step["name"], check["name"])
        for scenario in plan.document["scenarios"]
        for step in requests_in(scenario)
        for check in step.get("checks", ())
        if check.get("stop")
    ]


def needed_values(plan: Plan) -> list[tuple[str, str, list[str]]]:
    """Scenario, step, and the variables it must set for the iteration to continue, for every step that has such."""
    found = [
        (
            scenario["name"],
            step["name"],
            [extract["variable"] for extract in step.get("extracts", ()) if "default" not in extract],
        )
        for scenario in plan.document["scenarios"]
        for step in requests_in(scenario)
    ]
    return [entry for entry in found if entry[2]]


def requests_in(scenario: ScenarioPlan) -> Iterator[StepPlan]:
    """All requests of a scenario that are declared, those of its users' start and stop too."""
    return (step for step in every_step(scenario) if step["kind"] == "request")


def indivisible(plan: Plan) -> str | None:
    """Why the run must have one worker; `None` if it may have several."""
    for auth in plan.document["auth"]:
        if is_one_login(auth["way"]):
            return "one refresh token is one login, and servers replace it with each use"
    return None


def is_unpaced(plan: Plan) -> bool:
    """Whether some users send as fast as they can: in a closed model without think time and pacing."""
    return any(
        "max_users" not in scenario["load"]
        and "pacing" not in scenario
        # A script may pause.
        and not any(step["kind"] in {"think", "script"} for step in walk(scenario["steps"]))
        for scenario in plan.document["scenarios"]
    )


def is_one_login(way: WayPlan) -> bool:
    """Whether all its tokens come of one refresh token, which a server may replace with each use."""
    match way.get("grant"):
        case {"grant": "refresh_token", "refresh_token": {"text": text}}:
            return "{" not in text.replace("{{", "")
        case {"grant": "refresh_token"}:
            return True
        case _:
            return False
