"""Numbers as people read them: three significant digits, a unit on every time, never 0 for what is not zero."""

from __future__ import annotations

import re
from math import floor, log10

from loadcore.report.glyphs import UNICODE, Glyphs

NONE = "-"
"""Stands where there is no number."""

_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_LIMIT = 1000
_MINUTE_S = 60
_HOUR_S = 3600


def count(value: float | None, glyphs: Glyphs = UNICODE) -> str:
    """A whole number in groups of three digits: `170 212`."""
    return NONE if value is None else f"{round(value):,}".replace(",", glyphs.thousands)


def regrouped(text: str, glyphs: Glyphs = UNICODE) -> str:
    """A sentence whose numbers have commas between groups of three digits, with the separator of the page."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", glyphs.thousands, text)


def rate(value: float | None, glyphs: Glyphs = UNICODE) -> str:
    """A rate per second in three significant digits: `4.27`, `42.7`, `4 269`, `<0.01`."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    if value < 0.005:  # noqa: PLR2004 - below it two decimals would print 0.00
        return "<0.01"
    return count(value, glyphs) if value >= 99.95 else _three_digits(value)  # noqa: PLR2004 - where rounding gives 100


def significant(value: float) -> str:
    """A number in three significant digits, without an exponent: `0.00002`, `1.5`, `12.3`, `1235`."""
    decimals = max(0, 2 - floor(log10(abs(value)))) if value else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def percent(ratio: float | None) -> str:
    """A ratio as a percentage: `3.9%`. Only an exact 0 is `0%`, only an exact 1 is `100%`."""
    if ratio is None:
        return NONE
    if ratio in {0, 1}:
        return f"{ratio:.0%}"
    value = ratio * 100
    if value < 0.05:  # noqa: PLR2004 - below it one decimal would print 0.0
        return "<0.1%"
    if 99.95 <= value < 100:  # noqa: PLR2004 - from here one decimal would print 100.0
        return ">99.9%"
    return f"{value:.1f}%"


def duration(nanoseconds: float | None, glyphs: Glyphs = UNICODE) -> str:
    """A time in three significant digits with its unit: `412µs`, `8.12ms`, `1.13s`, `1m08s`; `<1µs` for less."""
    if nanoseconds is None:
        return NONE
    if nanoseconds < _MICROSECOND:
        return f"<1{glyphs.micro}"
    microseconds = round(nanoseconds / _MICROSECOND)
    if microseconds < _LIMIT:
        return f"{microseconds}{glyphs.micro}"
    milliseconds = _three_digits(nanoseconds / _MILLISECOND)
    if float(milliseconds) < _LIMIT:
        return f"{milliseconds}ms"
    seconds = _three_digits(nanoseconds / _SECOND)
    return f"{seconds}s" if float(seconds) < _MINUTE_S else span(nanoseconds / _SECOND)


def between(value_ns: int, low_ns: int | None, high_ns: int | None, glyphs: Glyphs = UNICODE) -> tuple[str, str]:
    """A time and its interval, in the digits that this supports and in one unit: `47.2ms` and `[44.2-50.2]`.

    An interval that is open above is `[>44.2]`; without a lower end there is none.
    """
    if low_ns is None or value_ns < _MICROSECOND:
        return duration(value_ns, glyphs), ""
    unit, name = _unit(value_ns, glyphs)
    half = value_ns - low_ns
    width = (2 * half if high_ns is None else high_ns - low_ns) / unit
    value = value_ns / unit
    most = 0 if unit == _MICROSECOND else 2 if value < 9.995 else 1 if value < 99.95 else 0  # noqa: PLR2004 - as below
    digits = most if width <= 0 else min(most, -floor(log10(width / 10)))

    def text(nanoseconds: int) -> str:
        return f"{round(nanoseconds / unit, digits):.{max(0, digits)}f}"

    inside = f">{text(low_ns)}" if high_ns is None else f"{text(low_ns)}-{text(high_ns)}"
    told = f"{text(value_ns)}{name}" if value_ns < _MINUTE_S * _SECOND else duration(value_ns, glyphs)
    return told, f"[{inside}]"


def _unit(nanoseconds: int, glyphs: Glyphs) -> tuple[int, str]:
    """The unit that `duration` takes."""
    if nanoseconds < 999_500:  # noqa: PLR2004 - where rounding gives a millisecond
        return _MICROSECOND, glyphs.micro
    return (_MILLISECOND, "ms") if nanoseconds < 999_500_000 else (_SECOND, "s")  # noqa: PLR2004 - gives a second


def span(seconds: float | None) -> str:
    """How long something took, to the second: `41s`, `1m08s`, `1h02m`; under ten seconds with a decimal, `12ms`."""
    if seconds is None:
        return NONE
    if 0 < seconds < 0.05:  # noqa: PLR2004 - below it one decimal would print 0.0
        return duration(seconds * _SECOND)
    if round(seconds, 1) < 10 and round(seconds, 1) != round(seconds):  # noqa: PLR2004 - two digits are enough
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // _HOUR_S}h{whole % _HOUR_S // 60:02}m"


def clock(seconds: float) -> str:
    """A place in the run: `0:41`, `2:00`, `1:02:05`."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02}" if whole >= _HOUR_S else f"{whole // 60}"
    return f"{whole // _HOUR_S}:{minutes}:{whole % 60:02}" if whole >= _HOUR_S else f"{minutes}:{whole % 60:02}"


def size(octets: float | None) -> str:
    """A number of bytes: `312 B`, `9.1 MB`."""
    if octets is None:
        return NONE
    value = float(octets)
    if value < _LIMIT:
        return f"{value:.0f} B"
    for unit in ("kB", "MB", "GB"):
        value /= _LIMIT
        if float(f"{value:.1f}") < _LIMIT:
            return f"{value:.1f} {unit}"
    return f"{value / _LIMIT:.1f} TB"


def _three_digits(value: float) -> str:
    """Three significant digits of a value from 0.01 up; whole numbers from 100 up."""
    for decimals in (2, 1):
        text = f"{value:.{decimals}f}"
        if len(text) <= 4:  # noqa: PLR2004 - three digits and the point
            return text
    return f"{value:.0f}"
