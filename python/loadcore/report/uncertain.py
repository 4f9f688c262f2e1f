"""How sure the percentiles of a table are: their intervals, and what a short run cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.report.glyphs import Glyphs
    from loadcore.report.step_table import Ends

_NAMES = ("p50", "p95", "p99")
"""The percentiles of the table."""


def ends(times: Mapping[str, Any]) -> tuple[Ends, ...]:
    """The intervals of a step's times, for the table; empty if there are none."""
    intervals = times.get("intervals") or {}
    found = [intervals.get(name) for name in _NAMES]
    if not any(found):
        return ()
    return tuple((each["low_ns"], each["high_ns"]) if each else (None, None) for each in found)


def measured(threshold: Mapping[str, Any], glyphs: Glyphs) -> tuple[str, str]:
    """What was measured for a threshold on a percentile, and how sure that is; empty for others."""
    interval = threshold.get("interval")
    if not interval or threshold["value"] is None:
        return "", ""
    low, high = interval["low_ns"], interval["high_ns"]
    told, inside = numbers.between(round(threshold["value"]), low, high, glyphs)
    if told == numbers.duration(threshold["limit"], glyphs):
        # In fewer digits it would be the limit itself, and which side it is on would not be seen.
        told = numbers.duration(threshold["value"], glyphs)
    if not inside:
        return told, ""
    within = (low is None or low <= threshold["limit"]) and (high is None or threshold["limit"] <= high)
    return told, f"{inside}: the limit lies within" if within else inside


def of(step: Mapping[str, Any], glyphs: Glyphs) -> list[str]:
    """What a reader of these percentiles has to know, in at most one sentence."""
    intervals = step["response"].get("intervals")
    if not intervals:
        return []
    if intervals["missing"]:
        return [f"no intervals: {intervals['missing']}"]
    short = [name for name in _NAMES if None in {intervals[name]["low_ns"], intervals[name]["high_ns"]}]
    if not short:
        return []
    first = intervals[short[0]]
    needed, worth, measured = (
        numbers.count(value, glyphs) for value in (first["needs"], first["n_eff"], intervals["n"])
    )
    text = f"too short for both ends of {listed(short)}: {short[0]} takes {needed} independent requests or more"
    return [text if worth == measured else f"{text}, and these {measured} are worth {worth}"]
