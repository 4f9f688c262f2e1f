"""Values of the user's as the plan writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadcore.plan import LiteralPlan

_LEAST: Final = -(2**63)
_MOST: Final = 2**64 - 1


def literal(value: object) -> LiteralPlan:
    """A value of JSON; numbers that few readers of the plan would keep whole are written as text, digit by digit.

    Raises:
        ValueError: It is infinite, not a number, or holds itself.
        TypeError: JSON has nothing like it.
    """
    if value is None or isinstance(value, str | bool) or (type(value) is int and _LEAST <= value <= _MOST):
        return value
    return {"json": json_text(value)}


def json_text(value: object) -> str:
    """The value as JSON, in one line; raises as `literal` does."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
