"""Making a `Run` of a folder: from its summary, or, where the run did not live to write one, from its windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from loadcore.errors import ResultsError
from loadcore.machine import host
from loadcore.results import samples, shape
from loadcore.results.open.run import Run, State
from loadcore.results.reader import DAMAGE, is_sealed, schema_of, stream
from loadcore.results.run_facts import FileFacts, RunEnd, RunStart, WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import MACHINE, WINDOWS
from loadcore.results.sum import summary
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all, rules_of
from loadcore.results.sum.totals import Totals
from loadcore.results.sum.window_folding import gathered
from loadcore.results.write import manifest
from loadcore.results.write.manifest import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa


_NS = 1_000_000_000
_BEHIND_S = 2
"""How far the windows of one worker may be behind those of another."""
_MISSING: dict[State, str] = {
    "running": "the run is still in progress: this is what was written so far",
    "killed": "the manifest is missing: the run was killed",
    "moved": "the manifest is missing: the run ended, but its folder had been moved, "
    "or it was killed while writing the summary",
    "copied": "the manifest is missing: this is a copy of the run's folder, made before the run ended",
}


def open_run(path: Path) -> Run:
    """Open the run in a folder.

    Raises:
        ResultsError: The folder holds no run.
    """
    folder = RunFolder(path)
    try:
        sealed = manifest.read(folder)
    except ResultsError as problem:
        return Run(path, _read_summary(folder), "finished", [str(problem)])
    if sealed is not None:
        return Run(path, _read_summary(folder), "finished", manifest.check(folder, sealed, hashes=False))
    start = read_start(folder)
    try:
        return _open_unsealed(folder, start)
    except (ArithmeticError, *DAMAGE) as problem:
        # The shape of `run.json` has been checked, and not how large its numbers are.
        raise ResultsError(f"{folder.path} does not contain a readable run: {problem}") from problem


def _open_unsealed(folder: RunFolder, start: RunStart) -> Run:
    """A run without a manifest: one that is running, was killed, or whose folder was moved or copied before its end."""
    path = folder.path
    state = _state_of(folder, start)
    known = "folder_inode" in start.supervisor or state == "running"
    missing = [_MISSING[state] if known else f"{_MISSING['killed']}, or its folder was moved during the run"]
    missing += [f"{file.name} has no footer: its complete batches were read" for file in _unsealed(folder)]
    if state != "running" and folder.summary.exists():
        return Run(path, _read_summary(folder), state, missing)
    rebuilt = rebuild(folder, start, state)
    if wrong := shape.fault(rebuilt, summary.schema()):
        # Counts of our own fit; what does not was read from `run.json`.
        raise ValueError(f"{wrong}, as {folder.start.name} has it")
    return Run(path, rebuilt, state, missing)


def read_start(folder: RunFolder) -> RunStart:
    """What was started in a folder.

    Raises:
        ResultsError: Nothing was.
    """
    try:
        return RunStart.from_json(folder.start.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"{folder.path} does not contain a run: {folder.start.name} is missing") from None
    except (ValueError, RecursionError) as problem:
        raise ResultsError(f"{folder.start} cannot be read: {problem}") from problem


def rebuild(folder: RunFolder, start: RunStart, state: State = "killed") -> dict[str, Any]:
    """The summary of a run that has none, from the windows it wrote."""
    totals = totals_of(folder, start)
    ended_ns = (totals.last_second + 1) * _NS
    workers = tuple(_end_of(folder, worker) for worker in range(start.workers))
    end = RunEnd(ended_ns=ended_ns, workers=workers, truncated=True, running=state == "running")
    end = replace(end, moved=state == "moved", copied=state == "copied")
    judged = evaluate_all(rules_of(start), Measured(totals, start, ended_ns))
    return summary.build(Parts(start, end, totals, judged, samples.read(folder.samples), folder))


def totals_for(start: RunStart) -> Totals:
    """Empty totals, ready to take the windows of a run."""
    return Totals(start.cores, start.limits.get("cores"), start.nodes)


def totals_of(folder: RunFolder, start: RunStart) -> Totals:
    """All windows of a folder, added up; of a run that did not come to its end the whole seconds only."""
    totals = totals_for(start)
    to_the_end = all(map(is_sealed, folder.all_windows()))
    paths = folder.all_windows()
    last = whole_seconds(batch for path in paths for batch in stream(path, ("second", "worker")))
    for path in paths:
        for batch in gathered(stream(path, WINDOWS.names)):
            totals.add(batch if to_the_end else batch.filter(pc.less_equal(batch.column("second"), last)))
    return totals


def whole_seconds(batches: Iterable[pa.RecordBatch]) -> int:
    """The last second that is whole: workers report one after another, and a run may be killed between two of them.

    A worker that is further behind than they ever are was lost, and is not waited for.
    """
    last: dict[int, int] = {}
    for batch in batches:
        for second, worker in zip(batch.column("second").to_pylist(), batch.column("worker").to_pylist(), strict=True):
            if worker > MACHINE:
                last[worker] = max(last.get(worker, -1), second)
    newest = max(last.values(), default=-1)
    return min((second for second in last.values() if second >= newest - _BEHIND_S), default=newest)


def facts_on_disk(paths: Sequence[Path]) -> tuple[FileFacts, ...]:
    """The facts of files whose writer is gone. Their rows are counted in the memory of one batch."""
    return tuple(
        FileFacts(path.name, _rows_of(path), path.stat().st_size, sha256_of(path), is_sealed(path)) for path in paths
    )


def _rows_of(path: Path) -> int:
    """Rows of whole batches. One column tells as much as all of them."""
    schema = schema_of(path)
    return sum(batch.num_rows for batch in stream(path, schema.names[:1])) if schema is not None else 0


def requests_of(folder: RunFolder, worker: int) -> list[Path]:
    """All segments of a worker's rows."""
    first = folder.requests(worker)
    found = [first, *sorted(folder.path.glob(f"{first.stem}-*.arrow"))]
    return [path for path in found if path.exists()]


def _end_of(folder: RunFolder, worker: int) -> WorkerEnd:
    return WorkerEnd(worker, "unknown", files=facts_on_disk(requests_of(folder, worker)))


def _unsealed(folder: RunFolder) -> list[Path]:
    return [path for path in (*folder.all_requests(), *folder.all_windows()) if not is_sealed(path)]


def _state_of(folder: RunFolder, start: RunStart) -> State:
    """What became of a run without a manifest, by what is in its folder and whether its supervisor lives."""
    inode = start.supervisor.get("folder_inode")
    if inode is not None and {"folder_inode": inode} != folder.inode():
        return "copied"
    if is_running(start):
        return "running"
    windows = folder.all_windows()
    return "moved" if windows and all(map(is_sealed, windows)) else "killed"


def is_running(start: RunStart) -> bool:
    """Whether the process that runs it lives."""
    pid, ticks = start.supervisor.get("pid"), start.supervisor.get("started_ticks")
    return pid is not None and ticks is not None and host.started_ticks(pid) == ticks


def _read_summary(folder: RunFolder) -> dict[str, Any]:
    """The summary, in the shape that its schema says: whoever shows it may rely on that."""
    path = folder.summary
    try:
        document: dict[str, Any] = shape.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ResultsError(f"{path} cannot be read: {problem}") from problem
    if wrong := shape.fault(document, summary.schema()):
        hint = "the file was changed, or loadcore did not write it"
        raise ResultsError(f"{path} is not the summary of a run: {wrong}", hint=hint)
    return document
