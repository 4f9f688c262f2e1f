"""Names what holds up all users of a worker: code that blocks the event loop, by file and line."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.loader.user_code import line_in

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKED_S: Final = 0.05
"""A loop that does not come round for this long is held up."""

BLOCKS: Final = "await what does not block, or use await asyncio.to_thread(...)"
COMPUTES: Final = "compute less there, or run more workers"
"""What to do about a line that waits, and about one that computes."""

LASTS_S: Final = 2.0
"""From then on, a hold-up is reported while it lasts: it may be one without an end."""

_BEAT_S: Final = 0.02
_LOOK_S: Final = 0.01
_MOST_PLACES: Final = 100


@dataclass
class _HeldUp:
    """One time that the loop did not come round.

    Attributes:
        beat: When it last did.
        seen: The line of the user's where its thread was: its place, and its source.
        looked: When that was.
        spent: For how long its thread had run then, and had waited for a core.
        was_reported: Whether it has been reported while it lasted.
    """

    beat: float
    seen: tuple[str, str] | None
    looked: float
    spent: tuple[float, float]
    was_reported: bool = False


class Watchdog:
    """Looks, from a thread of its own, whether the loop comes round.

    Args:
        say: Tells the supervisor something, in one sentence: each place once.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._beat = 0.0
        self._owner, self._thread = _thread.get_ident(), _thread.get_native_id()
        self._ended = False
        self._now: _HeldUp | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.blocked: dict[str, dict[str, Any]] = {}
        """By place: its source, how often it held up the loop, for how long, and whether it computed meanwhile."""

    def start(self) -> None:
        """Begin, within the loop."""
        self._tick()
        _thread.start_new_thread(self._watch, ())

    def stop(self) -> None:
        """Look no more."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._tick)

    def _watch(self) -> None:
        while not self._ended:
            time.sleep(_LOOK_S)
            beat = self._beat
            if time.monotonic() - beat <= BLOCKED_S:
                continue
            self._now = held = _HeldUp(beat, self._look(), time.monotonic(), _spent(self._thread))
            while self._beat == beat and not self._ended:
                time.sleep(_LOOK_S)
                if not held.was_reported and time.monotonic() - beat > LASTS_S:
                    held.was_reported = True
                    self._report(held)
            self._now = None
            if not self._ended:
                self._note(held, self._beat)

    def at(self) -> str | None:
        """The line that holds up the loop now, if one does; what it has held up so far counts."""
        held = self._now
        if held is None or held.seen is None:
            return None
        self._note(held, time.monotonic())
        return _named(*held.seen)

    def _report(self, held: _HeldUp) -> None:
        if held.seen is not None:
            ran_s, waited_s = self._spent_since(held)
            remedy = COMPUTES if ran_s > (LASTS_S - waited_s) / 2 else BLOCKS
            where = _named(*held.seen)
            with contextlib.suppress(OSError):
                self._say(f"all users have been held up for {LASTS_S:g} s, and still are, at {where}: {remedy}")

    def _spent_since(self, held: _HeldUp) -> tuple[float, float]:
        """For how long the loop's thread has run since then, and has waited for a core."""
        ran_s, waited_s = _spent(self._thread)
        return ran_s - held.spent[0], waited_s - held.spent[1]

    def _look(self) -> tuple[str, str] | None:
        """Where the loop's thread is in code of the user's, and its source."""
        return line_in(sys._current_frames().get(self._owner))  # noqa: SLF001 - the only way to see another thread

    def _note(self, held: _HeldUp, now: float) -> None:
        if held.seen is None:
            return
        place, source = held.seen
        ran_s, waited_s = self._spent_since(held)
        # A thread that had no core is held up by other programs.
        longest_ms = int((now - held.beat - _BEAT_S - waited_s) * 1e3)
        computed = ran_s > (now - held.looked - waited_s) / 2
        if longest_ms <= BLOCKED_S * 1e3:
            return
        known = self.blocked.get(place)
        if known is None:
            if len(self.blocked) >= _MOST_PLACES:
                return
            self.blocked[place] = {
                "place": place,
                "source": source.removeprefix(": "),
                "times": 1,
                "longest_ms": longest_ms,
                "sum_ms": longest_ms,
                "computes": computed,
            }
            remedy = COMPUTES if computed else BLOCKS
            with contextlib.suppress(OSError):
                self._say(f"all users were held up for {longest_ms} ms at {_named(place, source)}: {remedy}")
            return
        known["times"] += 1
        known["sum_ms"] += longest_ms
        known["longest_ms"] = max(known["longest_ms"], longest_ms)


def _named(place: str, source: str) -> str:
    """A line in words: `shop.py:41 (time.sleep(0.2))`."""
    return f"{place} ({source.removeprefix(': ')})" if source else place


def _spent(thread: int) -> tuple[float, float]:
    """For how long a thread of this process has run, and has waited for a core; zeros where that is not known."""
    try:
        ran_ns, waited_ns, _ = Path(f"/proc/self/task/{thread}/schedstat").read_text("ascii").split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(ran_ns) / 1e9, int(waited_ns) / 1e9
