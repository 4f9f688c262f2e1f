"""For how long a rule held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IN_A_ROW: Final = 3
"""Seconds for which a rule must hold before it counts."""


@dataclass
class Streak:
    """For how many seconds in a row a rule held, and its worst moment."""

    running: int = 0
    longest: int = 0
    worst: float = 0.0
    first_s: int | None = None
    last_s: int | None = None
    _since: int = 0

    def see(self, second: int, *, holds: bool, value: float) -> None:
        """Look at one more second."""
        if not holds:
            self.running = 0
            return
        if self.running == 0:
            self._since = second
        self.running += 1
        self.longest = max(self.longest, self.running)
        self.worst = max(self.worst, value)
        if self.running >= IN_A_ROW:
            self.first_s = self._since if self.first_s is None else self.first_s
            self.last_s = second

    @property
    def counts(self) -> bool:
        """Whether it held long enough."""
        return self.longest >= IN_A_ROW
