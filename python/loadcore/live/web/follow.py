"""Follows the run in a folder, second by second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.report.html.history import History
from loadcore.results import samples
from loadcore.results.open.growing import GrowingWindows
from loadcore.results.open.opening import is_running, open_run, read_start, totals_for
from loadcore.results.open.timeline import COLUMNS, TimelineReader, width_of
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.sum import summary
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from loadcore.results.sum.window_folding import gathered

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.results.run_facts import RunStart

_NS: Final = 1_000_000_000
_UNPLANNED_S: Final = 600.0
"""What a run without a planned end is expected to last."""
_BEHIND_S: Final = 2
"""How far the windows of one worker may be behind those of another."""


class Follower:
    """Knows the run in a folder as far as it has come.

    Args:
        path: The folder.

    Raises:
        ResultsError: It does not contain a run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = RunFolder(path)
        self.ended = open_run(path).state != "running"
        """Whether the run has ended, or was killed."""
        self._running = None if self.ended else _Running(self._folder, read_start(self._folder))
        self._told = False

    def look(self) -> History | None:
        """The run as it is now; None if nothing is new."""
        if self._running is not None and self._running.goes_on():
            return self._running.look()
        if self._told:
            return None
        self.close()
        self.ended = self._told = True
        return History.of(open_run(self.path))

    def close(self) -> None:
        """Close the files."""
        if self._running is not None:
            self._running.close()


class _Running:
    """A run in progress. Its windows are added up as they come."""

    def __init__(self, folder: RunFolder, start: RunStart) -> None:
        end_ns = start.description.planned_end_ns
        self._folder = folder
        self._start = start
        self._windows = GrowingWindows(folder)
        self._totals = totals_for(start)
        self._rules = rules_of(start)
        self._reader = TimelineReader(width_of((end_ns or 0) / _NS or _UNPLANNED_S), start, self._rules)
        self._shown_s = 0

    def goes_on(self) -> bool:
        """Whether the run has not ended."""
        return not self._folder.manifest.exists() and is_running(self._start)

    def look(self) -> History | None:
        """The run up to its last whole second; None if that is not new."""
        for batch in gathered(self._windows.new()):
            self._totals.add(batch)
            self._reader.add(batch.select(list(COLUMNS)), self._totals.last_second + 1)
        complete_s = self._complete_s()
        if complete_s <= self._shown_s:
            return None
        self._shown_s = complete_s
        main = self._totals.over().all_steps()
        timeline = self._reader.timeline(complete_s, main.response, main.service)
        return History(self._summary(complete_s), timeline, self._start)

    def close(self) -> None:
        """Close the files."""
        self._windows.close()

    def _complete_s(self) -> int:
        """How many seconds are whole. A worker that is far behind is not waited for."""
        seconds = [self._totals.last_second_of(worker) for worker in range(self._start.workers)]
        newest = max(seconds, default=-1)
        return 1 + min((each for each in seconds if each >= newest - _BEHIND_S), default=-1)

    def _summary(self, complete_s: int) -> dict[str, Any]:
        """The summary so far, without intervals: they take reading all windows again."""
        workers = tuple(WorkerEnd(worker, "running") for worker in range(self._start.workers))
        end = RunEnd(ended_ns=complete_s * _NS, workers=workers, truncated=True, running=True)
        judged = evaluate_all(self._rules, Measured(self._totals, self._start, end.ended_ns))
        parts = Parts(self._start, end, self._totals, judged, tuple(samples.read(self._folder.samples)))
        document = summary.build(parts)
        for step in (*document["steps"], document["all"]):
            for time in ("service", "response", "ttfb"):
                step[time].pop("intervals", None)
        for threshold in document["thresholds"]:
            threshold.pop("interval", None)
        return document
