"""Names for things of the plan that the user did not name."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def free_name(wish: str, taken: Collection[str]) -> str:
    """The wish, or the wish with the first number that makes it unique."""
    names = itertools.chain([wish], (f"{wish} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def default_name(method: str, url: str) -> str:
    """What a step is called unless it has a name: method and path, without what differs or is not to be shown."""
    path = re.sub(r"^https?://[^/?#]*", "", url)
    return f"{method} {re.split(r'[?#]', path, maxsplit=1)[0] or '/'}"
