"""Values of the user's as the plan writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from loadcore.compiler.problems import MOST_64
from loadcore.scenario.values import Env

if TYPE_CHECKING:
    from loadcore.plan.document import LiteralPlan

_MOST_DEEP: Final = 200
"""As much as is shown and hidden without running out of stack."""
_LEAST: Final = -(2**63)


def literal(value: object) -> LiteralPlan:
    """A value of JSON; numbers that few readers of the plan would keep whole are written as text, digit by digit.

    Raises:
        ValueError: It is infinite, not a number, or holds itself.
        TypeError: JSON has nothing like it.
    """
    if value is None or isinstance(value, str | bool) or (type(value) is int and _LEAST <= value <= MOST_64):
        return value
    return {"json": json_text(value)}


def json_text(value: object) -> str:
    """The value as JSON, in one line; raises as `literal` does.

    Raises:
        ValueError: Also where it is nested too deep.
    """
    if _is_deeper(value, _MOST_DEEP):
        raise ValueError(f"it is nested more than {_MOST_DEEP} deep, or contains itself")
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_text_of_secret)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether it has more levels of lists and dictionaries than that, or holds itself."""
    within: list[object] = [value]
    for _ in range(levels):
        found: list[object] = []
        for each in within:
            if isinstance(each, dict):
                found.extend(each.values())
            elif isinstance(each, list | tuple):
                found.extend(each)
        within = [each for each in found if isinstance(each, dict | list | tuple)] if found else []
        if not within:
            return False
    return True


def _text_of_secret(value: object) -> str:
    if isinstance(value, Env):
        return str(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
