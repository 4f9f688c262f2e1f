"""`environment.stats` of Locust's master: what its workers have counted by the time it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locust.stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import Callable


class MergedStats(RequestStats):
    """In place of Locust's `RequestStats`, which know what workers reported up to three seconds ago."""

    look: Callable[[], None] | None = None
    """Gets what workers have counted since."""

    def _looked(self, name: str) -> Any:
        if self.look is not None:
            self.look()
        return self.__dict__[name]

    @property
    def entries(self) -> Any:
        """The statistics by name and method."""
        return self._looked("entries")

    @entries.setter
    def entries(self, entries: Any) -> None:
        self.__dict__["entries"] = entries

    @property
    def total(self) -> Any:
        """The statistics of all requests together."""
        return self._looked("total")

    @total.setter
    def total(self, total: Any) -> None:
        self.__dict__["total"] = total

    @property
    def errors(self) -> Any:
        """Failures, by what failed how."""
        return self._looked("errors")

    @errors.setter
    def errors(self, errors: Any) -> None:
        self.__dict__["errors"] = errors
