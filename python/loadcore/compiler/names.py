"""Names for things of the plan that the user did not name."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def free_name(wish: str, taken: Collection[str]) -> str:
    """The wish, or the wish with the first number that makes it unique."""
    names = itertools.chain([wish], (f"{wish} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)
