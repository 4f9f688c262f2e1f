"""Executors of k6 as load models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from loadcore.wording.units import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.imports.draft import Draft, Report

_TAKEN: Final = frozenset({
    "executor", "vus", "duration", "iterations", "stages", "startVUs", "rate", "timeUnit", "preAllocatedVUs", "maxVUs",
    "maxDuration", "startRate", "startTime", "gracefulStop", "exec",
})  # fmt: skip
_STAGE: Final = '(1, "30s")'
_RATE_STAGE: Final = '("1/s", "30s")'
_OF_RUN: Final = frozenset({"thresholds", "scenarios", "insecureSkipTLSVerify"})


def load_of(given: dict[str, Any], draft: Draft, report: Report) -> None:
    """Gives a scenario its load, and says what of it could not be taken over."""
    executor = given.get("executor")
    if executor is None:
        executor = "stages" if given.get("stages") else "iterations" if given.get("iterations") else "constant-vus"
        if executor == "constant-vus" and "duration" not in given:
            executor = "iterations"
    maker = _MAKERS.get(executor) if isinstance(executor, str) else None
    if maker is None:
        _leave(draft, report, f"the executor {str(executor)[:40]}")
    else:
        draft.load = maker(given)
        draft.load_functions = {draft.load.partition("(")[0]}
        report.taken += 1
    draft.start_after = _duration(given.get("startTime"))
    draft.graceful_stop = _duration(given.get("gracefulStop"))
    if "executor" in given:
        for option in sorted(given.keys() - _TAKEN - _OF_RUN):
            _leave(draft, report, f"the option {option[:40]} of a scenario")
    unread = [each for each in ("vus", "duration", "rate", "stages", "iterations", "maxVUs") if _is_unread(given, each)]
    if unread:
        draft.comments.append(f"not written out in the script, so a guess: {', '.join(unread)}")
        report.left_out["values that the script computes"] += len(unread)


def _is_unread(given: dict[str, Any], option: str) -> bool:
    value = given.get(option)
    if option not in given or value is None:
        return False
    if option == "stages":
        stages = value if isinstance(value, list) else [None]
        return any(not isinstance(each, dict) or _duration(each.get("duration")) is None for each in stages)
    return _duration(value) is None if option == "duration" else _count(value, -1) < 0


def _leave(draft: Draft, report: Report, what: str) -> None:
    draft.comments.append(f"left out: {what}")
    report.left_out[what] += 1


def _constant(given: dict[str, Any]) -> str:
    return f'users({_count(given.get("vus"), 1)}, duration="{_duration(given.get("duration")) or "30s"}")'


def _ramping(given: dict[str, Any]) -> str:
    start = _count(given.get("startVUs", given.get("vus")), 1)
    stages = ", ".join(f'({_count(each.get("target"), 0)}, "{duration}")' for each, duration in _stages(given))
    return f"user_stages({stages or _STAGE}, start={start})"


def _shared(given: dict[str, Any]) -> str:
    users = _count(given.get("vus"), 1)
    total = _count(given.get("iterations"), users)
    longest = _duration(given.get("maxDuration", given.get("duration"))) or "10m"
    return f'iterations(total={max(total, 1)}, users={max(users, 1)}, max_duration="{longest}")'


def _each(given: dict[str, Any]) -> str:
    longest = _duration(given.get("maxDuration")) or "10m"
    each, users = _count(given.get("iterations"), 1), _count(given.get("vus"), 1)
    return f'iterations(each={max(each, 1)}, users={max(users, 1)}, max_duration="{longest}")'


def _arrivals(given: dict[str, Any]) -> str:
    rate = _rate(given.get("rate"), given)
    return f'arrival_rate("{rate}", duration="{_duration(given.get("duration")) or "30s"}"{_most(given)})'


def _ramping_arrivals(given: dict[str, Any]) -> str:
    stages = ", ".join(f'("{_rate(each.get("target"), given)}", "{duration}")' for each, duration in _stages(given))
    start = _rate(given.get("startRate", 0), given)
    return f'arrival_stages({stages or _RATE_STAGE}, start="{start}"{_most(given)})'


def _most(given: dict[str, Any]) -> str:
    most = _count(given.get("maxVUs", given.get("preAllocatedVUs")), 0)
    return f", max_users={most}" if most else ""


def _stages(given: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    stages = given.get("stages")
    found = [each for each in stages if isinstance(each, dict)] if isinstance(stages, list) else []
    return [(each, _duration(each.get("duration")) or "30s") for each in found[:1000]]


def _rate(rate: Any, given: dict[str, Any]) -> str:  # noqa: ANN401 - any literal
    per_unit = rate if isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate < 1e9 else 1  # noqa: PLR2004
    unit = parse_duration(_duration(given.get("timeUnit")) or "1s") / 1e9
    for seconds, name in ((1, "s"), (60, "min"), (3600, "h")):
        if unit == seconds:
            return f"{per_unit:g}/{name}" if per_unit < 1e6 else f"{per_unit:.0f}/{name}"  # noqa: PLR2004 - where %g rounds
    return f"{per_unit / unit:.6g}/s"


def _count(value: Any, otherwise: int) -> int:  # noqa: ANN401 - any literal
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        return int(value)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9  # noqa: PLR2004
    return int(value) if usable else otherwise


def _duration(value: Any) -> str | None:  # noqa: ANN401 - any literal
    """A duration of k6, as loadcore writes it: a number is in milliseconds; None if it is not one."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:  # noqa: PLR2004
        return format_duration(round(value * 1e6))
    if not isinstance(value, str) or not re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|us|ns|[dhms]))+|0", value):
        return None
    days = re.sub(r"(\d+)d", lambda found: f"{int(found[1]) * 24}h", value)
    try:
        parse_duration(days if days != "0" else "0s")
    except ValueError:
        return None
    return days if days != "0" else "0s"


_MAKERS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "constant-vus": _constant,
    "ramping-vus": _ramping,
    "stages": _ramping,
    "iterations": _shared,
    "shared-iterations": _shared,
    "per-vu-iterations": _each,
    "constant-arrival-rate": _arrivals,
    "ramping-arrival-rate": _ramping_arrivals,
}
