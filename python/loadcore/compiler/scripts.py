"""Functions and classes of the user's, used as steps, to their plans."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

from loadcore.scripting.user import User, tasks_of
from loadcore.wording.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import ScriptPlan, StepPlan
    from loadcore.scenario.place import Place

_SIGNATURE: Final = "write async def {name}(c: Client) -> None"


class ScriptRegistry:
    """The scripts of a plan, each once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._known: dict[object, int] = {}
        self.plans: list[ScriptPlan] = []

    def step(self, script: object, what: str, place: Place | None) -> StepPlan | None:
        """The plan of a function that is used as a step; None if it cannot be one.

        Args:
            script: What was given.
            what: As what, for messages.
            place: Where.
        """
        if isinstance(script, type):
            self._problems.add(place, *_wrong_class(script, what))
            return None
        if (problem := _wrong_function(script, what)) is not None:
            self._problems.add(place, *problem)
            return None
        return self._leaf(cast("Callable[..., Any]", script), place)

    def user(self, user: type[User], place: Place | None) -> tuple[list[StepPlan], list[StepPlan], list[StepPlan]]:
        """The plans of a class of users: of its start, of an iteration, and of its stop."""
        tasks = tasks_of(user)
        if not tasks:
            hint = "write @task() above each method that is an iteration"
            self._problems.add(place, f"{user.__name__} has no tasks", hint)
        start = [] if user.on_start is User.on_start else self._method(user, "on_start", place)
        options = [(weight, self._method(user, name, place)) for name, weight in tasks.items()]
        iteration: list[StepPlan] = [{"kind": "choice", "options": options}] if len(options) > 1 else []
        if len(options) == 1:
            iteration = options[0][1]
        stop = [] if user.on_stop is User.on_stop else self._method(user, "on_stop", place)
        return start, iteration, stop

    def _method(self, user: type[User], name: str, place: Place | None) -> list[StepPlan]:
        method = getattr(user, name)
        if (problem := _wrong_function(method, f"{user.__name__}.{name}")) is not None:
            self._problems.add(place, *problem)
            return []
        return [self._leaf(method, place, user)]

    def _leaf(self, script: Callable[..., Any], place: Place | None, user: type[User] | None = None) -> StepPlan:
        known = self._known.get((script, user))
        if known is None:
            known = self._known[script, user] = len(self.plans)
            self.plans.append(self._packed(script, user, place))
        plan = self.plans[known]
        step: StepPlan = {"kind": "script", "script": known, "name": plan["name"]}
        if "at" in plan:
            step["at"] = plan["at"]
        return step

    def _packed(self, script: Callable[..., Any], user: type[User] | None, place: Place | None) -> ScriptPlan:
        # Most plans have no function of the user's, and their runs start without what reads and packs one.
        from loadcore.scripting.source import read  # noqa: PLC0415
        from loadcore.scripting.travel import NotPortable, packed  # noqa: PLC0415

        reading = read(script)
        try:
            plan = packed(script, user)
        except NotPortable as error:
            self._problems.add(place, str(error), error.hint)
            return {"name": getattr(script, "__qualname__", "script"), "calls": reading.calls}
        file = plan["at"].partition(":")[0] if "at" in plan else ""
        for line, message in reading.wrong:
            self._problems.add_at(f"{file}:{line}", message)
        plan["calls"] = reading.calls
        if reading.doubtful:
            plan["notes"] = [f"{file}:{line}: {message}" for line, message in reading.doubtful]
        return plan


def is_user(steps: object) -> TypeGuard[type[User]]:
    """Whether it is a class of users."""
    return isinstance(steps, type) and issubclass(steps, User)


def may_be_script(step: object) -> bool:
    """Whether it is meant as a function, and not as a list of steps."""
    return callable(step) or inspect.iscoroutine(step) or isinstance(step, User)


def _wrong_class(user: type, what: str) -> tuple[str, str | None]:
    if issubclass(user, User):
        return f"{what} is a class: a class of users is all of a scenario's steps", None
    hint = f"write class {user.__name__}(User), and @task() above its iterations"
    return f"{what} is a class: it must derive from User", hint


def _wrong_function(script: object, what: str) -> tuple[str, str] | None:
    """What keeps a function from being a user's, and what to do about it."""
    if inspect.iscoroutine(script):
        name = script.__name__
        script.close()
        return f"{what} is {name}(…), which was called: give the function itself", f"write {name} without brackets"
    if isinstance(script, User):
        name = type(script).__name__
        return f"{what} is an instance of {name}: give the class itself", f"write {name} without brackets"
    name = getattr(script, "__name__", "shopper")
    signature = _SIGNATURE.format(name=name if name.isidentifier() else "shopper")
    if inspect.isasyncgenfunction(script):
        return f"{name} yields: a user's function only awaits", "take yield out"
    if not callable(script) or not inspect.iscoroutinefunction(script):
        kind = (
            f"{name} is a def" if inspect.isfunction(script) and name.isidentifier() else f"{what} is {kind_of(script)}"
        )
        return f"{kind}: a user's function must be an async def", signature
    try:
        inspect.signature(script).bind(None)
    except TypeError:
        needed = len(inspect.signature(script).parameters)
        return f"{name} takes {needed} arguments: a user's function takes one, the client", signature
    return None
