"""Thresholds of k6 as thresholds of loadcore; those on tags and on metrics of the script have no equal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from loadcore.imports.draft import Imported

_TIMES: Final = {"http_req_duration": "service", "http_req_waiting": "ttfb"}
_EXPRESSION: Final = re.compile(r"\s*(p\(\s*\d{1,3}(?:\.\d+)?\s*\)|\w+)\s*(<=|>=|===?|<|>)\s*(\d+(?:\.\d+)?)\s*")
_METRIC: Final = re.compile(r"(\w+)(?:\{\s*([\w.]+)\s*:\s*([^{}]*?)\s*\})?")
_STATISTICS: Final = {"avg": "mean", "med": "p50", "min": "min", "max": "max"}
_COUNTED: Final = {
    ("http_req_failed", "rate"): ("errors.rate", "%"),
    ("http_req_failed", "count"): ("errors.count", ""),
    ("checks", "rate"): ("checks.rate", "%"),
    ("http_reqs", "count"): ("requests.count", ""),
    ("http_reqs", "rate"): ("throughput", "/s"),
    ("dropped_iterations", "count"): ("dropped.count", ""),
}


def thresholds_of(given: Any, scenarios: set[str], imported: Imported) -> None:  # noqa: ANN401 - any literal
    """Adds the thresholds, and says which have no equal."""
    for metric, claims in given.items() if isinstance(given, dict) else ():
        for claim in claims if isinstance(claims, list) else [claims]:
            expression = claim.get("threshold") if isinstance(claim, dict) else claim
            aborts = isinstance(claim, dict) and claim.get("abortOnFail") is True
            found = _converted(str(metric), expression, scenarios) if isinstance(expression, str) else None
            if found is None:
                imported.report.left_out["thresholds without an equal"] += 1
                shown = expression if isinstance(expression, str) else "a value that the script computes"
                imported.comments.append(f"left out: the threshold {str(metric)[:80]}: {shown[:80]}")
            else:
                imported.thresholds.append(found)
                imported.report.taken += 1
                if aborts:
                    delay = claim.get("delayAbortEval")
                    known = isinstance(delay, str) and re.fullmatch(r"(?:\d+(?:ms|[hms]))+", delay)
                    imported.aborting[found] = delay if known else "10s"


def _converted(metric: str, expression: str, scenarios: set[str]) -> str | None:
    named, claim = _METRIC.fullmatch(metric.strip()), _EXPRESSION.fullmatch(expression)
    if named is None or claim is None:
        return None
    name, tag, value = named.groups()
    if tag is not None and (tag != "scenario" or value not in scenarios or not re.fullmatch(r"[\w-]+", value)):
        return None
    statistic, operator, limit = claim[1].replace(" ", ""), claim[2].replace("===", "=="), claim[3]
    found = _claim(name, statistic, operator, limit)
    if found is None:
        return None
    return f"{value}/*: {found}" if tag else found


def _percentile(share: str) -> str | None:
    """The ends have names of their own."""
    value = float(share)
    return {0.0: "min", 100.0: "max"}.get(value, f"p{share}") if value <= 100 else None  # noqa: PLR2004 - all


def _claim(name: str, statistic: str, operator: str, limit: str) -> str | None:
    if name in _TIMES and operator != "==":
        what = _percentile(statistic[2:-1]) if statistic.startswith("p(") else _STATISTICS.get(statistic)
        return f"{_TIMES[name]}.{what} {operator} {limit}ms" if what else None
    counted = _COUNTED.get((name, statistic))
    if counted is None:
        return None
    metric, unit = counted
    if operator == "==" and unit:
        # Shares and rates are not compared for equality: only none and all are what they say.
        ends = {0.0: "<=", 1.0: ">="} if unit == "%" else {}
        operator = ends.get(float(limit), "")
    number = f"{float(limit) * 100:g}" if unit == "%" else limit
    return f"{metric} {operator} {number}{unit}" if operator else None
