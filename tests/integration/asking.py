"""Asks a run for changes of its load while it lasts, as another process would."""

from __future__ import annotations

import math
import re
import threading
from typing import TYPE_CHECKING, Any

from loadcore.control.client import ask
from loadcore.control.wire import RefusedError, Request
from loadcore.live.listeners import Listener
from loadcore.plan.orders import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from loadcore.live.frame import Frame


class Asking(Listener):
    """Follows a run and asks it.

    Args:
        folder: The run's.
        changes: What to ask for, one after another, by the second at whose end: later, so that the one before has
            held for a whole second of the run.
        then: Called in the thread that runs once the first second has ended.
    """

    def __init__(self, folder: Path, changes: Mapping[int, str], then: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self._heard: list[str] = []
        self._threads: list[threading.Thread] = []
        self._left = list(changes.items())
        self._not_before = -math.inf
        self._then = then

    @property
    def heard(self) -> list[str]:
        """What the run has answered, once it has ended."""
        for thread in self._threads:
            thread.join()
        return self._heard

    def on_window(self, _frame: Frame, second: int) -> None:
        """A second has ended."""
        then, self._then = self._then, None
        if then is not None:
            then()
        if not self._left or second < self._left[0][0] or second < self._not_before:
            return
        self._not_before = math.inf
        # In a thread: the run answers once this has returned.
        self._threads.append(threading.Thread(target=self._ask, args=(self._left.pop(0)[1],)))
        self._threads[-1].start()

    def _ask(self, change: str) -> None:
        try:
            text = ask(self.folder, Request(Change.parse(change))).text
        except RefusedError as refused:
            text = str(refused)
        self._heard.append(text)
        begins = re.search(r"from ([\d.]+) s on", text)
        self._not_before = float(begins[1]) if begins else -math.inf


def due_of(orders: Sequence[Mapping[str, Any]], planned: Callable[[float, float], float], end_s: float) -> float:
    """How many arrivals the plan and these orders of rates make due: the integral of the rate.

    Args:
        orders: As the summary lists them.
        planned: The integral of the plan's rate from one time to another.
        end_s: When the last is due.
    """
    first = orders[0]["at_s"] if orders else end_s
    ends = [order["at_s"] for order in orders[1:]] + [end_s]
    due = planned(0.0, first)
    for order, end in zip(orders, ends, strict=True):
        due += order["per_s"] * (end - order["at_s"])
    return due
