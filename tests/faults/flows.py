"""What is run against the bed: requests with ids of their own, and what happens to the target meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

import loadcore
from loadcore import Http, Scenario, Timeouts, get, response, think
from loadcore.live.listeners import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadcore.live.frame import Frame
    from loadcore.results.open.run import Run
    from loadcore.scenario.load_models import Load

TOTAL_S = 3.0
"""Timeout of every exchange: more than a busy machine keeps a healthy one waiting."""


def run_on(
    url: str,
    load: Load,
    out: Path,
    *,
    method: Any = get,
    pause: str = "0s",
    reuse: Literal["user", "iteration", "request"] = "user",
    workers: int = 2,
    total_s: float = TOTAL_S,
    meanwhile: Meanwhile | None = None,
) -> Run:
    """A run in which each request has an id of its own, and checks that its answer has it, too."""
    step = method("/items/{$user}-{$iteration}", checks=[response.json("$.id") == "{$user}-{$iteration}"])
    timeouts = Timeouts(connect=f"{total_s:.0f}s", total=f"{total_s:.0f}s")
    http = Http(timeouts=timeouts, reuse=reuse, max_redirects=0, cookies=False)
    scenario = Scenario("faults", base_url=url, load=load, steps=[step, think(pause)], http=http)
    listeners = [] if meanwhile is None else [meanwhile]
    try:
        return loadcore.run(scenario, workers=workers, out=out, graceful_stop="5s", seed=1, listeners=listeners)
    finally:
        if meanwhile is not None:
            meanwhile.join()


class Meanwhile(Listener):
    """Does something in a thread of its own when a run has come to its second second."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=what)
        self._begun = False

    def on_window(self, frame: Frame, second: int) -> None:  # noqa: ARG002 - as the base class has it
        """Begin, once."""
        if second >= 1 and not self._begun:
            self._begun = True
            self._thread.start()

    def join(self) -> None:
        """Wait for the end of it.

        Raises:
            AssertionError: It never began.
        """
        assert self._begun
        self._thread.join()
