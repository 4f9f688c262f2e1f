"""What the summary says of code of the user's that ran in the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.engine import Histogram
from loadcore.judge import script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.finding import Finding
    from loadcore.judge.health import Counted
    from loadcore.results.run_facts import WorkerEnd
    from loadcore.results.sum.totals import Totals

_KNOWN = (
    *("exceptions", "blocked", "collections", "endless", "judged", "failed", "failures", "process_exit_code"),
    "unawaited",
)
_MOST_FAILURES = 50


def user_code(
    ends: Sequence[WorkerEnd], totals: Totals, beside: Sequence[dict[str, Any]] = ()
) -> dict[str, Any] | None:
    """Of all workers together, and of the processes beside them; None if none ran any."""
    documents = [end.user_code for end in ends if end.user_code is not None] + [each for each in beside if each]
    if not documents:
        return None
    collections = [document["collections"] for document in documents if "collections" in document]
    return {
        "exceptions": _exceptions(documents),
        "judged": all(document.get("judged", True) for document in documents),
        "failures": _failures(documents),
        "process_exit_code": next(
            (each["process_exit_code"] for each in reversed(documents) if each.get("process_exit_code") is not None),
            None,
        ),
        "script_lag": _script_lag(totals),
        "blocked": _blocked(documents),
        "collections": {
            "times": sum(each["times"] for each in collections),
            "longest_ms": max((each["longest_ms"] for each in collections), default=0.0),
            "sum_ms": sum(each["sum_ms"] for each in collections),
        },
        "programs": [{name: value for name, value in document.items() if name not in _KNOWN} for document in documents],
    }


def _script_lag(totals: Totals) -> dict[str, Any]:
    """For how long users were kept from making their requests, by Python that was busy with others."""
    whole = Histogram()
    for worker in totals.workers.values():
        whole.add(worker.script_lag)
    if not whole.count:
        return {"count": 0, "p50_ns": None, "p99_ns": None, "max_ns": None}
    return {
        "count": whole.count,
        "p50_ns": whole.quantile(0.5),
        "p99_ns": whole.quantile(0.99),
        "max_ns": whole.max_ns,
    }


def script_findings(
    totals: Totals, code: Mapping[str, Any] | None, counted: Counted, late: Sequence[Finding]
) -> list[Finding]:
    """What the code of the users did to the run, in place of `late` where it is the cause; none where there is none."""
    lag, of_script = Histogram(), Histogram()
    for worker in totals.workers.values():
        lag.add(worker.lag)
        of_script.add(worker.script_lag)
    if code is None and not of_script.count:
        return []
    known = [script.Blocked(**each) for each in (code or {}).get("blocked", ())]
    has_lag = lag.count and of_script.count
    of_collector = (code or {}).get("collections") or {}
    noted = script.pauses(**of_collector) if of_collector else []
    found = script.findings(
        totals.python,
        known,
        script.Lag(lag.mean_ns, of_script.mean_ns, of_script.quantile(0.99)) if has_lag else script.Lag(),
        wall_s=sum(worker.wall_ns for worker in totals.workers.values()) / 1e9,
        wants_more=counted.fell_behind,
        late=late,
    )
    return [*found, *noted]


def exceptions_of(ends: Sequence[WorkerEnd]) -> list[dict[str, Any]]:
    """What user code raised, the most frequent first."""
    return _exceptions([end.user_code for end in ends if end.user_code is not None])


def _exceptions(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for document in documents:
        for each in document.get("exceptions", ()):
            known = merged.setdefault((each["kind"], each["place"]), {**each, "count": 0, "at_fault": 0})
            known["count"] += each["count"]
            known["at_fault"] += each["at_fault"]
    return sorted(merged.values(), key=lambda each: -each["count"])


def endless(ends: Sequence[WorkerEnd]) -> dict[str, list[int]]:
    """The workers whose user code did not end by itself, by the line that it was at: empty where that is not known."""
    found: dict[str, list[int]] = {}
    for end in ends:
        if end.user_code is not None and "endless" in end.user_code:
            found.setdefault(end.user_code["endless"], []).append(end.worker)
    return found


def unawaited(ends: Sequence[WorkerEnd]) -> list[str]:
    """The names of requests that were made and never awaited."""
    documents = [end.user_code for end in ends if end.user_code is not None]
    return list(dict.fromkeys(name for document in documents for name in document.get("unawaited", ())))


def why_failed(ends: Sequence[WorkerEnd], scenario: str) -> str | None:
    """Why iterations of a scenario failed in which user code raised nothing: the first reason that a worker knows."""
    documents = [end.user_code for end in ends if end.user_code is not None]
    return next((each for document in documents for each in document.get("failed", {}).get(scenario, ())), None)


def _failures(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What user code called a failure. Several processes may know of the same: the one that knows of most counts."""
    merged: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in (each for document in documents for each in document.get("failures", ())):
        known = merged.setdefault((each["method"], each["name"], each["error"]), dict(each))
        known["count"] = max(known["count"], each["count"])
    return sorted(merged.values(), key=lambda each: -each["count"])[:_MOST_FAILURES]


def _blocked(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for document in documents:
        for each in document.get("blocked", ()):
            known = merged.setdefault(each["place"], {**each, "times": 0, "longest_ms": 0, "sum_ms": 0})
            known["times"] += each["times"]
            known["sum_ms"] += each["sum_ms"]
            known["longest_ms"] = max(known["longest_ms"], each["longest_ms"])
    return sorted(merged.values(), key=lambda each: -each["longest_ms"])


def raised(exception: dict[str, Any]) -> str:
    """An exception in a sentence: `KeyError at shop.py:12 (3 times)`."""
    place = f" at {exception['place']}" if exception["place"] else ""
    times = exception["count"]
    return f"{exception['kind']}{place} ({times} time{'s' if times > 1 else ''})"
