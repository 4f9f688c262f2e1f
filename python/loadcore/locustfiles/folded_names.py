"""Names of requests, when there are too many: parts that look like ids become one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 400
"""Names that are taken as they are. The engine counts beyond 500 as one."""

_ID = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|"
    r"(?<![A-Za-z])[0-9a-fA-F]{16,}(?![A-Za-z])|\d+"
)
_VALUE = re.compile(r"(?<==)[^&]*")


class FoldedNames:
    """Folds names once there are too many. A file that puts ids into URLs and gives no `name=` has one for each id.

    Args:
        say: Called once with what was done.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._known: set[str] = set()
        self._is_said = False

    def folded(self, name: str) -> str:
        """The name to count under."""
        known = self._known
        if name in known:
            return name
        if len(known) < MOST:
            known.add(name)
            return name
        if not self._is_said:
            self._is_said = True
            self._say(
                f"more than {MOST} names of requests: further ones are counted with {{}} in place of ids "
                "(give such requests a name=)"
            )
        path, question, query = name.partition("?")
        return _ID.sub("{}", path) + question + _VALUE.sub("{}", query)
