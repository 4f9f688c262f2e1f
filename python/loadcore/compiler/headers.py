"""Headers of a scenario that hold what its start fetches: a session's key, a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from loadcore.plan.walk import every_step, walk

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import Pair, ScenarioPlan, StepPlan
    from loadcore.scenario.place import Place

_VARIABLE: Final = re.compile(r"(?<!\{)\{([\w.-]+)(?::\w+)?\}")


def move_late_headers(scenario: ScenarioPlan, place: Place | None, problems: Problems) -> None:
    """Gives headers whose variables `on_start` extracts to the requests that can send them, instead of to all.

    The engine sends a scenario's headers with every request. Before the login has answered there is no key to send, so
    the login itself, and what comes before it, goes without.
    """
    extracted = {name for step in walk(scenario["on_start"]) for name in _extracts(step)}
    late = [pair for pair in scenario["headers"] if _uses(pair) & extracted]
    if not late:
        return
    if any(step["kind"] == "script" for step in every_step(scenario)):
        hint = 'users in Python set it themselves: c.headers["X-Session"] = key'
        names = " and ".join(name for name, _ in late)
        problems.add(place, f"headers: {names} needs a variable that on_start extracts", hint)
    scenario["headers"] = [pair for pair in scenario["headers"] if pair not in late]
    known: set[str] = set()
    for step in walk(scenario["on_start"]):
        _add(step, [pair for pair in late if _uses(pair) & extracted <= known])
        known |= _extracts(step)
    for step in walk([*scenario["steps"], *scenario.get("on_stop", ())]):
        _add(step, late)


def _uses(pair: Pair) -> set[str]:
    return set(_VARIABLE.findall(pair[1]))


def _extracts(step: StepPlan) -> set[str]:
    return {extract["variable"] for extract in step.get("extracts", ())}


def _add(step: StepPlan, headers: list[Pair]) -> None:
    """A request's own header of a name wins."""
    if step["kind"] != "request":
        return
    own = step.get("headers", [])
    names = {name.lower() for name, _ in own}
    added = [pair for pair in headers if pair[0].lower() not in names]
    if added:
        step["headers"] = [*own, *added]
