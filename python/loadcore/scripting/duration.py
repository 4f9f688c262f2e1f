"""Lengths of time that were measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self, final

from loadcore.wording.kinds import shown
from loadcore.wording.units import parse_duration

_US: Final = 1_000
_DAY_US: Final = 86_400_000_000
_UNITS: Final = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


@final
class Duration(timedelta):
    """A length of time that also compares with strings: `r.service_time < "500ms"`."""

    __slots__ = ("_ns",)
    _ns: int

    def __new__(cls, ns: int, /) -> Self:
        """The length of a whole number of nanoseconds."""
        self = super().__new__(cls, microseconds=ns // _US)
        self._ns = ns
        return self

    @property
    def ns(self) -> int:
        """Whole nanoseconds, as in results."""
        return self._ns

    def __lt__(self, other: timedelta | str) -> bool:
        return self._ns < _ns_of(other)

    def __le__(self, other: timedelta | str) -> bool:
        return self._ns <= _ns_of(other)

    def __gt__(self, other: timedelta | str) -> bool:
        return self._ns > _ns_of(other)

    def __ge__(self, other: timedelta | str) -> bool:
        return self._ns >= _ns_of(other)

    def __eq__(self, other: object) -> bool:
        return self._ns == _ns_of(other) if isinstance(other, timedelta | str) else NotImplemented

    def __hash__(self) -> int:
        return super().__hash__()

    def __str__(self) -> str:
        """As people write it: `12.3 ms`."""
        for size, unit in _UNITS:
            if abs(self._ns) >= size:
                return f"{self._ns / size:.3g} {unit}"
        return f"{self._ns} ns"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return type(self), (self._ns,)


def length_ns(time: timedelta | str) -> int:
    """The nanoseconds of a length of time, written or measured.

    Raises:
        TypeError: It is neither; the message says what to write.
        ValueError: The string is not a duration.
    """
    if isinstance(time, str):
        return parse_duration(time)
    if isinstance(time, Duration):
        return time.ns
    if isinstance(time, timedelta):
        return ((time.days * _DAY_US) + time.seconds * 1_000_000 + time.microseconds) * _US
    raise TypeError(f'a length of time is {shown(time)}: write it as "500ms" or "2s"')


def _ns_of(other: object) -> int:
    if isinstance(other, timedelta | str):
        return length_ns(other)
    raise TypeError(f'a duration compares with a string such as "500ms", not with {shown(other)}')
