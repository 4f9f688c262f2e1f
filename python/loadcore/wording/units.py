"""Quantities as people write them: `"1m30s"`, `"400/s"`, `"64KiB"`, `"1%"`.

    duration ::= (number unit)+        units, longest first, each once: h m s ms us ns     "1m30s"  "250ms"  "1.5s"
    rate     ::= number "/" period     period: s min h                                     "400/s"  "10/min"
    size     ::= number unit           unit: B kB MB GB (1000) or KiB MiB GiB (1024)        "10kB"   "64KiB"
    percent  ::= number "%"                                                                "1%"     "99.9%"
    count    ::= digits                                                                    "20"

Tools disagree on what a bare number means, so here it is an error that says which unit to add.
Everything is exact. A duration is a whole number of nanoseconds, a rate a ratio of whole numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from loadcore.wording.kinds import shown

_NUMBER = r"\d+(?:\.\d+)?"
_DURATION_UNITS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_ALSO_WRITTEN = {"µs": "us", "\N{GREEK SMALL LETTER MU}s": "us"}
_RATE_PERIODS = {"s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
_SIZE_UNITS = {
    "B": 1,
    "kB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` events every `per_ns` nanoseconds."""

    count: int
    per_ns: int

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.count * 1e9 / self.per_ns


def parse_duration(text: object) -> int:
    """Nanoseconds of `"1m30s"`, `"250ms"`, `"1.5s"`.

    Raises:
        ValueError: The string is not a duration; the message says what to write.
    """
    written = _written(text, "s", "ms")
    for other, unit in _ALSO_WRITTEN.items():
        written = written.replace(other, unit)
    parts = re.findall(rf"({_NUMBER})([a-z]+)", written)
    units = [unit for _, unit in parts]
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError(f'"{written}" is not a duration: write it as "30s", "1m30s" or "250ms"')
    for unit in units:
        if unit not in _DURATION_UNITS:
            raise ValueError(f'"{unit}" in "{written}" is not a unit of time: use h, m, s, ms, µs (us) or ns')
    sizes = [_DURATION_UNITS[unit] for unit in units]
    if sizes != sorted(set(sizes), reverse=True):
        raise ValueError(f'"{written}" does not list units from long to short, each once: write it as "1m30s"')
    total = sum((Fraction(number) * _DURATION_UNITS[unit] for number, unit in parts), start=Fraction())
    return _whole(total, written, "nanoseconds")


def parse_rate(text: object) -> Rate:
    """The ratio of `"400/s"`, `"10/min"`, `"0.5/s"`. May be zero.

    Raises:
        ValueError: The string is not a rate; the message says what to write.
    """
    written = _written(text, "/s", "/min")
    match = re.fullmatch(rf"({_NUMBER})/([a-z]+)", written)
    if match is None:
        raise ValueError(f'"{written}" is not a rate: write it as "400/s" or "10/min"')
    number, period = Fraction(match[1]), match[2]
    if period not in _RATE_PERIODS:
        raise ValueError(f'"{period}" in "{written}" is not a period: use s, min or h')
    # A fraction of an event in a period is a whole number of events in a longer one.
    per_ns = _RATE_PERIODS[period] * number.denominator
    if per_ns > _LARGEST:
        raise ValueError(f'"{written}" has too many digits')
    return Rate(_whole(Fraction(number.numerator), written, "events"), per_ns)


def parse_size(text: object) -> int:
    """Bytes of `"10kB"`, `"64KiB"`, `"512B"`.

    Raises:
        ValueError: The string is not a size; the message says what to write.
    """
    written = _written(text, "B", "kB")
    match = re.fullmatch(rf"({_NUMBER})([A-Za-z]+)", written)
    if match is None:
        raise ValueError(f'"{written}" is not a size: write it as "10kB" or "64KiB"')
    if match[2] not in _SIZE_UNITS:
        raise ValueError(f'"{match[2]}" in "{written}" is not a unit of size: use B, kB, MB, GB, KiB, MiB or GiB')
    return _whole(Fraction(match[1]) * _SIZE_UNITS[match[2]], written, "bytes")


def parse_percent(text: object) -> float:
    """The share (1.0 for all) of `"1%"`, `"99.9%"`.

    Raises:
        ValueError: The string is not a percentage from 0 to 100; the message says what to write.
    """
    if isinstance(text, str) and re.fullmatch(r"0?\.\d+", text.strip()):
        bare = text.strip()
        raise ValueError(f'{bare} has no unit: write "{float(bare) * 100:g}%" for a share of {bare}')
    written = _written(text, "%")
    match = re.fullmatch(rf"({_NUMBER})%", written)
    if match is None:
        raise ValueError(f'"{written}" is not a percentage: write it as "1%" or "99.9%"')
    share = Fraction(match[1]) / 100
    if share > 1:
        raise ValueError(f'"{written}" is more than 100%')
    return float(share)


def parse_count(text: object) -> int:
    """The whole number `"20"`: the one quantity that has no unit.

    Raises:
        ValueError: The string is not a count.
    """
    if not isinstance(text, str) or re.fullmatch(r"\d+", text.strip()) is None:
        raise ValueError(f'"{text}" is not a count: write a whole number')
    return int(text)


def format_duration(ns: int) -> str:
    """The shortest text that `parse_duration` reads as `ns`."""
    if ns == 0:
        return "0s"
    text = ""
    for unit, size in _DURATION_UNITS.items():
        count, ns = divmod(ns, size)
        if count:
            text += f"{count}{unit}"
    return text


def _written(text: object, *units: str) -> str:
    """The text without spaces around it; refuses numbers, written as such or as text."""
    bare = isinstance(text, int | float) or (isinstance(text, str) and re.fullmatch(_NUMBER, text.strip()))
    if bare and not isinstance(text, bool):
        number = str(text).strip()
        examples = " or ".join(f'"{number}{unit}"' for unit in units)
        raise ValueError(f"{number} has no unit: write {examples}")
    if not isinstance(text, str):
        message = f'{shown(text)} is not a quantity: write a string with a unit, as in "30{units[0]}"'
        raise ValueError(message)  # noqa: TRY004 - callers handle one kind of error
    return text.strip()


def _whole(value: Fraction, written: str, things: str) -> int:
    """The value as an integer that the engine can hold."""
    if value.denominator != 1:
        raise ValueError(f'"{written}" is not a whole number of {things}')
    if value > _LARGEST:
        raise ValueError(f'"{written}" is too large')
    return int(value)
