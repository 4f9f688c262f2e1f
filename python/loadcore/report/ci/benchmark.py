"""A run as `customSmallerIsBetter`, what github-action-benchmark keeps a history of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadcore.report import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMES = ("p50", "p95", "p99")
_MS = 1e6


def render(summary: Mapping[str, Any]) -> str:
    """The document: times in milliseconds and errors in per cent, of each step and of all together."""
    name = str(summary["name"])
    steps = [step for step in summary["steps"] if step["section"] == "main" and step["requests"]]
    entries = [*_entries(f"{name}: all", summary["all"])]
    for step in steps if len(steps) > 1 else ():
        entries += _entries(f"{name}: {step['name']}", step)
    return json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _entries(name: str, step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    response = step["response"]
    for part in _TIMES:
        value = response[f"{part}_ns"]
        if value is None:
            continue
        entry = {"name": f"{name}: response {part}", "unit": "ms", "value": round(value / _MS, 6)}
        interval = (response.get("intervals") or {}).get(part)
        if interval and interval["low_ns"] is not None and interval["high_ns"] is not None:
            off = max(value - interval["low_ns"], interval["high_ns"] - value) / _MS
            entry["range"] = f"± {numbers.significant(off)}"
        yield {**entry, "extra": f"{step['requests']} requests, {step['errors']} errors"}
    if step["error_rate"] is not None:
        yield {"name": f"{name}: errors", "unit": "%", "value": round(100 * step["error_rate"], 6)}
