"""Whole runs of the product, from this process: one worker, on the clients' core."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import loadcore
from benches import affinity
from benches.engine import FailedRunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.results.open.run import Run


@contextmanager
def carried_out(scenario: loadcore.Scenario, *, workers: int = 1, pinned: bool = True) -> Iterator[Run]:
    """Runs a scenario; the run's folder is there until the context ends.

    Raises:
        FailedRunError: Rows are missing, or a worker was lost.
    """
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        if pinned:
            os.sched_setaffinity(0, {affinity.client_core()})
        try:
            run = loadcore.run(scenario, workers=workers, out=f"{folder}/run", seed=1, graceful_stop="5s")
        finally:
            os.sched_setaffinity(0, allowed)
        counted = run.summary["load"]["requests"]
        if counted["rows_dropped"] or run.truncated or run.summary["workers_lost"]:
            raise FailedRunError(f"{scenario.name}: {counted}, truncated: {run.truncated}")
        yield run
