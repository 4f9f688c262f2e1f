"""Notices, second by second, where a run breaks."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loadcore.judge.crossing import LEAST_S
from loadcore.judge.thresholds.abort import AbortWatch
from loadcore.live.frame import BreakFrame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.judge.thresholds.evaluation import Measurements
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.live.frame import LoadFrame

_SECONDS: Final = int(LEAST_S)


class BreakWatch:
    """Knows where the run broke: where a threshold was crossed for `LEAST_S` seconds in a row for the first time.

    Args:
        rules: What the run is judged by.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._watch = AbortWatch(replace(rule, abort_after_ns=_SECONDS * 1_000_000_000) for rule in rules)
        self._loads: deque[LoadFrame | None] = deque(maxlen=_SECONDS)
        self.broke: BreakFrame | None = None
        """Where; None if it has not."""

    def observe(self, second: int, of_second: Measurements, so_far: Measurements) -> None:
        """Look at a second. Arguments as of `AbortWatch.observe`; once for each second, when it is complete."""
        rule = None if self.broke is not None else self._watch.observe(second, of_second, so_far)
        if rule is not None:
            before = self._loads[0] if len(self._loads) == _SECONDS else None
            self.broke = BreakFrame(max(0, second + 1 - _SECONDS), rule.expression, before)

    def bore(self, load: LoadFrame | None) -> None:
        """Take the load of the second that was looked at last; None if nothing is judged in it."""
        self._loads.append(load)
