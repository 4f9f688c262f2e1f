"""Whether the user's own code was the limit: Python that blocks all users of a worker, or fills its core.

Users of a worker share one thread of Python. While one of them computes, or waits in a call that blocks, none of the
others makes its next request: that is neither the target's doing nor the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding
from loadcore.judge.health import who
from loadcore.judge.streak import Streak
from loadcore.judge.words import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.finding import Severity
    from loadcore.judge.seconds import WorkerSecond

FULL: Final = 0.90
"""Share of a core that Python may use: one thread of it runs at a time."""
BUSY: Final = 0.40
"""Share of a core from which on users queue for it often enough to explain a delay."""
HELD_UP: Final = 0.10
"""Share of the time in which all users of a worker may be held up."""
EXPLAINS: Final = 0.5
"""Share of the client's delay that has to be the script's before it is called the cause."""

PAUSE_MS: Final = 20.0
"""How long a full collection may take before it is noted."""

_RULE = "script"
_WORKERS = "run more workers (`--workers`), which share the users between them, or compute less between requests"
_LESS = "compute less"
_THREAD = "await a call that does not block, put it into a thread (`await asyncio.to_thread(...)`)"


@dataclass(frozen=True)
class Blocked:
    """A line that held up all users of a worker."""

    place: str
    source: str
    times: int
    longest_ms: int
    sum_ms: int
    computes: bool = False

    @property
    def named(self) -> str:
        """The line in words: `shop.py:41 (time.sleep(0.2))`."""
        return f"{self.place} ({self.source})" if self.source else self.place


@dataclass(frozen=True)
class Lag:
    """How late requests were, and what of it was Python's: means over the run, and the script's own 99th percentile."""

    mean_ns: float = 0.0
    of_script_ns: float = 0.0
    script_p99_ns: int = 0

    @property
    def is_of_script(self) -> bool:
        """Whether Python explains most of it."""
        return self.of_script_ns > 0 and self.of_script_ns >= EXPLAINS * self.mean_ns


@dataclass
class PythonTime:
    """Watches how much of a core the Python code of each worker uses, in constant memory."""

    full: dict[int, Streak] = field(default_factory=dict)
    busiest: dict[int, float] = field(default_factory=dict)

    def see(self, second: WorkerSecond) -> None:
        """Look at one second of one worker. Seconds of a worker come in order."""
        if second.python_ratio is None:
            return
        streak = self.full.setdefault(second.worker, Streak())
        streak.see(second.second, holds=second.python_ratio >= FULL, value=second.python_ratio)
        self.busiest[second.worker] = max(self.busiest.get(second.worker, 0.0), second.python_ratio)


def findings(
    python: PythonTime,
    blocked: Sequence[Blocked],
    lag: Lag,
    *,
    wall_s: float,
    wants_more: bool,
    late: Sequence[Finding],
) -> list[Finding]:
    """What the user's own code did to the run: one finding at most, which takes the place of those in `late`.

    Args:
        python: What Python used in each worker, in the measured part.
        blocked: The lines that held up all users, the longest first.
        lag: How late requests were.
        wall_s: How long the workers ran, added up.
        wants_more: Whether less was done than was asked at a rate.
        late: What the client's own delay did to the times.
    """
    cause = _blocked(blocked, wall_s) or _full(python)
    if late and lag.is_of_script:
        cause = cause or _held(blocked, lag) or _busy(python, lag)
        if cause is not None:
            effect = late[0]
            return [replace(cause, severity=effect.severity, message=f"{effect.message}; {cause.message}")]
    if cause is None:
        return []
    severity: Severity = "invalid" if wants_more else "suspect"
    return [replace(cause, severity=severity)]


def pauses(times: int, longest_ms: float, sum_ms: float) -> list[Finding]:
    """A note of full collections of Python's garbage collector that held up users for long."""
    if longest_ms < PAUSE_MS:
        return []
    often = f"{times} times, {span(sum_ms * 1e6)} in all" if times > 1 else "once"
    note = _finding(
        f"Python's garbage collector held up all users of a worker for up to {span(longest_ms * 1e6)}, {often}",
        "keep fewer objects for each user, or make them where the file is loaded: those are not looked at again",
        value=longest_ms,
        limit=PAUSE_MS,
    )
    return [replace(note, rule="collections")]


def _blocked(blocked: Sequence[Blocked], wall_s: float) -> Finding | None:
    """Lines that held up users for a good part of the time."""
    share = sum(each.sum_ms for each in blocked) / 1e3 / wall_s if wall_s else 0.0
    return _of_lines(blocked, share) if share >= HELD_UP else None


def _held(blocked: Sequence[Blocked], lag: Lag) -> Finding | None:
    """Lines that held up users as long as the slowest of them waited."""
    long = [each for each in blocked if each.longest_ms * 1e6 >= EXPLAINS * lag.script_p99_ns]
    return _of_lines(long, None) if long else None


def _of_lines(blocked: Sequence[Blocked], share: float | None) -> Finding:
    worst = max(blocked, key=lambda each: each.sum_ms)
    times = f"{worst.times} times, for up to {span(worst.longest_ms * 1_000_000)}" if worst.times > 1 else "once"
    once = f" for {span(worst.longest_ms * 1_000_000)}" if worst.times == 1 else ""
    others = len(blocked) - 1
    more = f" (and at {others} other line{'s' if others > 1 else ''})" if others else ""
    part = "" if share is None else f", {share:.0%} of the time in all"
    did = "computed" if worst.computes else "blocked"
    return _finding(
        f"{worst.named} {did}, and held up all users of its worker {times}{once}{more}{part}",
        f"at {worst.place}: {_LESS if worst.computes else _THREAD}, or run more workers (`--workers`)",
        value=worst.longest_ms / 1e3 if share is None else share,
        limit=None if share is None else HELD_UP,
    )


def _full(python: PythonTime) -> Finding | None:
    """Python that had no time left."""
    found = {worker: streak for worker, streak in sorted(python.full.items()) if streak.counts}
    if not found:
        return None
    worker, worst = max(found.items(), key=lambda each: each[1].worst)
    message = (
        f"the Python code of {who(list(found), len(python.full))} used up to {min(worst.worst, 1.0):.0%} of a core for "
        f"{worst.longest} s in a row, and users waited for it to make their next request"
    )
    return replace(
        _finding(message, _WORKERS, value=worst.worst, limit=FULL),
        worker=worker,
        workers=tuple(found),
        first_s=worst.first_s,
        last_s=worst.last_s,
    )


def _busy(python: PythonTime, lag: Lag) -> Finding | None:
    """Python that had time left, but was busy when it was needed."""
    worker, ratio = max(_items(python.busiest), key=lambda each: each[1], default=(None, 0.0))
    if ratio < BUSY:
        return None
    message = (
        f"the Python code of worker {worker} used up to {min(ratio, 1.0):.0%} of a core, and users waited for up to "
        f"{span(lag.script_p99_ns)} (p99) for it to make their next request"
    )
    return replace(_finding(message, _WORKERS, value=ratio, limit=BUSY), worker=worker)


def _items(ratios: Mapping[int, float]) -> list[tuple[int | None, float]]:
    return list(ratios.items())


def _finding(message: str, advice: str, *, value: float, limit: float | None) -> Finding:
    return Finding(
        subject="script", severity="note", rule=_RULE, message=message, advice=advice, value=value, limit=limit
    )
