"""Runs of the matrix as they were recorded: windows and truth, so that rules can be judged without a server.

A folder `recorded/KEY-SEED` holds the run's `run.json` and `windows.arrow`, and `truth.json` with what the server saw.
`python -m tests.verdict KEY … --record` records them again.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.results.open import opening
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.sum import summary
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from tests.verdict.running import Observed

if TYPE_CHECKING:
    from tests.verdict.situation import Situation

FOLDER = Path(__file__).parent / "recorded"
_OF_THE_MACHINE = {"system": "Linux", "cores": 2}


def write(situation: Situation, seed: int, observed: Observed, run: Path) -> None:
    """Keep what the rules look at, of a run whose folder is `run`, and the truth of it."""
    folder = FOLDER / f"{situation.key}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "windows.arrow", folder / "windows.arrow")
    start: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    start["machine"] = _OF_THE_MACHINE
    _put(folder / "run.json", start)
    truth = {
        "ended_ns": round(observed.summary["duration_s"] * 1e9),
        "truth_ns": observed.truth,
        "arrived_in_slow_phases": observed.arrived_in_slow_phases,
        "answered": observed.answered,
    }
    _put(folder / "truth.json", truth)


def read(folder: Path) -> Observed:
    """What today's rules say about a recorded run, beside its truth."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    runs = RunFolder(folder)
    start = opening.read_start(runs)
    totals = opening.totals_of(runs, start)
    workers = tuple(WorkerEnd(worker, "finished") for worker in range(start.workers))
    end = RunEnd(ended_ns=truth["ended_ns"], workers=workers)
    measured = Measured(totals, start, end.ended_ns, as_planned=end.as_planned)
    said = summary.build(Parts(start, end, totals, evaluate_all(rules_of(start), measured)))
    truth_ns = truth["truth_ns"] and tuple(truth["truth_ns"])
    return Observed(said["exit_code"], said, "", truth_ns, truth["arrived_in_slow_phases"], truth["answered"])


def _put(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
