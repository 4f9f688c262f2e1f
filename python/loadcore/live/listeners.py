"""Followers of a run: live views, exporters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable
    from pathlib import Path

    from loadcore.engine import Description
    from loadcore.live.frame import Frame
    from loadcore.results.open.run import Run
    from loadcore.results.sum.totals import Totals


class Listener:
    """Follows a run. Derive from it and override what is of interest; everything is called from the thread that runs.

    What a listener does is time the supervisor does not have: some milliseconds are fine, seconds are not. One that
    raises is logged and not called again; the run continues.
    """

    def on_folder(self, path: Path) -> None:
        """The run has its folder. Nothing was started yet."""

    def on_start(self, description: Description) -> None:
        """The workers have got the signal to start."""

    def on_totals(self, totals: Totals) -> None:
        """All workers have reported a second, or all have ended: the sums so far, which are only to be read."""

    def on_window(self, frame: Frame, second: int) -> None:
        """All workers have reported a second. `frame` is the run at its end, and stays as it is."""

    def on_message(self, text: str) -> None:
        """Something worth knowing happened, in one sentence: a lost worker, a stop."""

    def on_end(self, run: Run) -> None:
        """The run has ended and its folder is complete."""


class Listeners:
    """All listeners of a run."""

    def __init__(self, listeners: Iterable[Any]) -> None:
        self._listeners = list(listeners)

    def tell(self, event: str, *content: object) -> None:
        """Call the method of that name of each listener that has one."""
        for listener in list(self._listeners):
            method = getattr(listener, event, None)
            if method is None:
                continue
            try:
                method(*content)
            except Exception:  # noqa: BLE001 - foreign code may raise anything
                _log().exception("a listener failed and will not be called again")
                self._listeners.remove(listener)

    def say(self, text: str) -> None:
        """Pass on a message."""
        _log().info("%s", text)
        self.tell("on_message", text)


def _log() -> logging.Logger:
    import logging  # noqa: PLC0415 - nothing is logged before the first request of most runs

    return logging.getLogger(__name__)
