"""A run without some of its nodes: its summary as if they had had no share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.errors import UsageError
from loadcore.results.open.opening import read_start, totals_for
from loadcore.results.reader import stream
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import MACHINE, WINDOWS
from loadcore.results.sum import summary
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from loadcore.results.sum.window_folding import gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.results.open.run import Run


def without_nodes(run: Run, names: Sequence[str]) -> dict[str, Any]:
    """The summary of the other nodes, from the windows of the run.

    Raises:
        UsageError: The run has no such node, or only such.
    """
    folder = RunFolder(run.path)
    start = read_start(folder)
    known = [node["name"] for node in start.nodes]
    if unknown := [name for name in names if name not in known]:
        has = f"it has {', '.join(known)}" if known else "it was made on one machine"
        raise UsageError(f"the run has no node {', '.join(unknown)}: {has}")
    out = [number for number, name in enumerate(known) if name in names]
    workers = [worker for number in out for worker in start.nodes[number]["workers"]]
    if len(out) == len(known):
        raise UsageError("no node is left: leave out fewer")
    gone = pa.array([*workers, *(MACHINE - number for number in out)], pa.int16())
    totals = totals_for(start)
    for path in folder.all_windows():
        for batch in gathered(stream(path, WINDOWS.names)):
            totals.add(batch.filter(pc.invert(pc.is_in(batch.column("worker"), value_set=gone))))
    end = RunEnd(
        round(run.summary["duration_s"] * 1e9),
        tuple(_ends(run, workers)),
        run.summary["signal"],
        truncated=run.truncated,
        running=run.state == "running",
        moved=run.state == "moved",
        copied=run.state == "copied",
    )
    kept = replace(start, workers=start.workers - len(workers))
    judged = evaluate_all(rules_of(start), Measured(totals, kept, end.ended_ns))
    document = summary.build(Parts(kept, end, totals, judged))
    document["nodes"] = [node for node in document["nodes"] if node["name"] not in names]
    document["verdict"]["notes"] = [
        *document["verdict"]["notes"],
        f"without {', '.join(f'node {name}' for name in names)}, which had {len(workers)} of {start.workers} workers",
    ]
    return document


def _ends(run: Run, without: Sequence[int]) -> list[WorkerEnd]:
    """How the other workers ended, as the summary has it."""
    lost = {each["worker"]: each for each in run.summary["workers_lost"]}
    ends = []
    for worker in run.summary["client"]["workers"]:
        number = worker["worker"]
        if number in without:
            continue
        if number in lost:
            after_s = lost[number]["after_s"]
            after_ns = None if after_s is None else round(after_s * 1e9)
            ends.append(WorkerEnd(number, "lost", lost[number]["reason"], lost_after_ns=after_ns))
        else:
            ends.append(WorkerEnd(number, worker["ended"] or "unknown"))
    return ends
