"""What the steps of a flow have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from loadcore.errors import Problem, ScenarioError
from loadcore.scenario.place import here

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from loadcore.scripting.client import Client

Script: TypeAlias = "Callable[[Client], Coroutine[Any, Any, None]]"
"""A function of yours that is used as a step: an `async def` that takes the user's client."""


class Step:
    """One step of a flow: a request, a pause, a group, a choice, a repeat or a branch.

    The functions that declare steps (`get`, `think`, `group`, …) make them; a list of them is a `list[Step]`.
    """

    __slots__ = ()


class Declaring:
    """Whether declarations may be made: not while users run, who would do nothing by them."""

    is_over = False


INSTEAD: Final = {
    **dict.fromkeys(
        ("get", "head", "options", "post", "put", "patch", "delete"), ("a request", 'await c.{name}("/path")')
    ),
    "request": ("a request", 'await c.request("GET", "/path")'),
    "think": ("a pause", 'await c.think("1s")'),
    "group": ("steps", 'async with c.group("name"):'),
    "check": ("a check", 'c.check(r.status == 200, "found")'),
    "choice": ("steps", "c.random.choices(…) and if"),
    "repeat": ("steps", "for"),
    "branch": ("steps", "if"),
}
"""What each function declares, and what a user's code writes instead."""


def declares(name: str) -> None:
    """Refuses to declare anything while users run.

    Raises:
        ScenarioError: Users run; it says what to write instead.
    """
    if Declaring.is_over:
        at = here()
        raise ScenarioError([Problem(misplaced(name), at=str(at) if at else None)])


def misplaced(name: str) -> str:
    """What is wrong with a declaration inside a user's code."""
    what, instead = INSTEAD[name]
    return f"{name}() declares {what}: inside a user write {instead.format(name=name)}"
