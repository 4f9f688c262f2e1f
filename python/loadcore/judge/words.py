"""Numbers in the words of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_US, _MS, _S = 1e3, 1e6, 1e9
_MOST_MOMENTS = 4


def span(ns: float) -> str:
    """A time with two or three digits: `0.16 ms`, `102 ms`, `1.0 s`."""
    if ns >= 0.9995 * _S:
        return f"{ns / _S:.1f} s"
    if ns >= 99.5 * _MS:
        return f"{ns / _MS:.0f} ms"
    if ns >= 0.995 * _MS:
        return f"{ns / _MS:.1f} ms"
    return f"{ns / _MS:.2f} ms"


def rate(per_s: float) -> str:
    """A rate per second: `98/s`, `4.2/s`, `12,300/s`."""
    return f"{per_s:.1f}/s" if per_s < 9.95 else f"{per_s:,.0f}/s"  # noqa: PLR2004 - two digits


def moment(second: float) -> str:
    """A time of the run: `0:04`, `12:30`."""
    minutes, seconds = divmod(int(second), 60)
    return f"{minutes}:{seconds:02d}"


def moments(seconds: Iterable[float]) -> str:
    """Some times of the run, the first few of them: `0:04, 0:09`."""
    texts = list(dict.fromkeys(moment(each) for each in seconds))
    return ", ".join(texts[:_MOST_MOMENTS]) + (", ..." if len(texts) > _MOST_MOMENTS else "")
