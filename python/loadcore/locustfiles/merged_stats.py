"""`environment.stats` of Locust's master: what its workers have counted by the time it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locust.stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import Callable


class _Looked:
    """An attribute of statistics. What workers have counted since is added before it is read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, stats: Any, owner: type | None = None) -> Any:
        if stats is None:
            return self
        if stats.look is not None:
            stats.look()
        return stats.__dict__[self._name]

    def __set__(self, stats: Any, value: Any) -> None:
        stats.__dict__[self._name] = value


class MergedStats(RequestStats):
    """In place of Locust's `RequestStats`, which know what workers reported up to three seconds ago."""

    look: Callable[[], None] | None = None
    """Gets what workers have counted since."""

    entries = _Looked()
    total = _Looked()
    errors = _Looked()
