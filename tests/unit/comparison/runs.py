"""Run folders whose summaries say what a test wants them to say."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.results.run_folder import RunFolder, new_run_id
from tests.unit.results.numbers import START
from tests.unit.results.simulated import independent, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000


@cache
def _pattern() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return summed(Path(folder), independent(random.Random(3), 4), 4)


def summary(
    p50_ms: float, p99_ms: float | None = None, errors: float = 0.0, throughput: float = 150.0, plan: str = "same"
) -> dict[str, Any]:
    """The summary of a run that measured this."""
    found = copy.deepcopy(_pattern())
    found["run_id"] = new_run_id()
    found["comparable_sha256"] = plan
    for each in (found["all"], *found["steps"]):
        for time in ("response", "service", "ttfb"):
            each[time]["p50_ns"] = int(p50_ms * MS)
            each[time]["p99_ns"] = int((p99_ms or 3 * p50_ms) * MS)
        each["error_rate"] = errors
        each["requests_per_s"] = throughput
        each["answered"] = each["requests"]
    found["verdict"] |= {"status": "pass", "exit_codes": [0], "reasons": []}
    return found


def made(folder: Path, document: dict[str, Any], plan: dict[str, Any] | None = None) -> Path:
    """A run folder with this summary."""
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    run.start.write_text(replace(START, run_id=document["run_id"]).to_json())
    run.summary.write_text(json.dumps(document))
    run.plan.write_text(json.dumps(plan or {}))
    return folder


def several(folder: Path, p50s_ms: Sequence[float], **rest: Any) -> Path:
    """A folder of run folders, one for each median."""
    for number, p50_ms in enumerate(p50s_ms):
        made(folder / f"run-{number}", summary(p50_ms, **rest))
    return folder
