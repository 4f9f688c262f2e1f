"""Collects all problems, so that they are reported at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from loadcore.errors import Problem, ScenarioError
from loadcore.wording.kinds import shown
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loadcore.scenario.place import Place

T = TypeVar("T")

MOST_32: Final = 2**32 - 1
"""The largest number of users, and of most things that are counted in a plan."""
MOST_63: Final = 2**63 - 1
"""The largest number of iterations, of bytes, of nanoseconds."""
MOST_64: Final = 2**64 - 1
"""The largest seed."""


class Problems:
    """What is wrong so far. Values that cannot be read are replaced by a harmless one, so that reading continues."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: Place | None, message: str, hint: str | None = None) -> None:
        """Something is wrong at this place."""
        self.add_at(str(place) if place else None, message, hint)

    def add_at(self, at: str | None, message: str, hint: str | None = None) -> None:
        """Something is wrong at this place, `shop.py:12`."""
        problem = Problem(message, at=at, hint=hint)
        if problem not in self._found:
            self._found.append(problem)

    def __iter__(self) -> Iterator[Problem]:
        """Everything found, in order."""
        return iter(self._found)

    def raise_if_any(self) -> None:
        """Raises ScenarioError with everything found."""
        if self._found:
            raise ScenarioError(self._found)

    def parse(self, place: Place | None, what: str, parser: Callable[[object], T], value: object, instead: T) -> T:
        """What the parser makes of the value."""
        try:
            return parser(value)
        except ValueError as error:
            self.add(place, f"{what}: {error}")
            return instead

    def whole(self, place: Place | None, what: str, value: object, *, least: int = 1, most: int = MOST_32) -> int:
        """The value, if it is a whole number in this range."""
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.add(place, f"{what} is {shown(value)}: it must be a whole number from {least:,} to {most:,}")
        return least

    def text(self, place: Place | None, what: str, value: object) -> str:
        """The value, if it is a non-empty string."""
        if isinstance(value, str) and value:
            return value
        written = repr(value) if value == "" else shown(value)
        self.add(place, f"{what} is {written}: it must be a non-empty string")
        return ""

    def member(self, place: Place | None, what: str, value: object, members: Iterable[str]) -> str:
        """The value, if it is one of these."""
        known = list(members)
        if value in known:
            return str(value)
        written = repr(value) if isinstance(value, str) else shown(value)
        self.add(place, f"{what} is {written}" + did_you_mean(value, known))
        return known[0]

    def flag(self, place: Place | None, what: str, value: object) -> bool:
        """The value, if it is True or False."""
        if isinstance(value, bool):
            return value
        self.add(place, f"{what} is {shown(value)}: it must be True or False")
        return False
