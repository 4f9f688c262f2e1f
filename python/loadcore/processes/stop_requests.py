"""Ctrl-C, SIGTERM and a closed terminal during a run."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequests:
    """Counts requests to end. In the main thread these are signals; from any thread, calls of `request`.

    As a context manager it takes the place of the signals' handlers and puts the old ones back; in other threads,
    where Python allows no handlers, it leaves them alone.
    """

    def __init__(self) -> None:
        self.count = 0
        """How often the end was asked for: stop, stop now, leave."""
        self.first: str | None = None
        """The name of the signal that came first."""
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # What is ignored stays so: that is how `nohup` lets a run outlive its terminal.
            heard = [number for number in _WATCHED if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._handle) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            if handler is not None:  # None: it was not Python's, and cannot be put back by it.
                signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave

    def request(self, name: str | None = None) -> None:
        """Ask for the end once more."""
        self.count += 1
        self.first = self.first or name

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.request(signal.Signals(number).name)
