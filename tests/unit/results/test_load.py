"""Opening folders that hold a run, half of one, or none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loadcore.api import load
from loadcore.errors import ExitCode, ResultsError
from loadcore.machine import host
from loadcore.report import text
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import REQUESTS
from loadcore.results.write.table_encoder import TableEncoder
from loadcore.results.write.windows_file import PLAIN, WindowsFile
from loadcore.results.write.writer import ArrowFile
from tests.unit.results.numbers import DESCRIPTION, START

if TYPE_CHECKING:
    from pathlib import Path


def started(folder: Path, **supervisor: int) -> Path:
    """A folder in which a run was started by such a process, and nothing else happened."""
    RunFolder(folder).start.write_text(replace(START, supervisor=supervisor).to_json())
    return folder


def this_process() -> dict[str, int]:
    """What `run.json` says of a supervisor that is this process."""
    return {"pid": os.getpid(), "started_ticks": host.started_ticks(os.getpid()) or 0}


def test_a_run_whose_supervisor_lives_goes_on(tmp_path: Path) -> None:
    """It is opened with what it wrote so far, and nothing is nothing."""
    run = load(started(tmp_path, **this_process()))

    assert (run.state, run.truncated) == ("running", True)
    assert run.missing == ("the run is still in progress: this is what was written so far",)
    assert (run.requests.num_rows, run.windows.num_rows) == (0, 0)
    assert run.verdict["status"] == "running"


def test_another_process_with_the_same_number_is_not_the_supervisor(tmp_path: Path) -> None:
    """Process ids come again; with its start time a process is itself."""
    run = load(started(tmp_path, pid=os.getpid(), started_ticks=1))

    assert (run.state, run.missing) == (
        "killed",
        ("the manifest is missing: the run was killed, or its folder was moved during the run",),
    )
    assert ExitCode.INVALID in run.verdict["exit_codes"]


def test_a_run_that_never_said_who_runs_it_is_over(tmp_path: Path) -> None:
    """Without a supervisor the run ends."""
    assert load(started(tmp_path)).state == "killed"


def test_no_folder_and_no_run_are_told_apart(tmp_path: Path) -> None:
    """Each has its sentence."""
    with pytest.raises(ResultsError, match=r"run folder .* does not exist"):
        load(tmp_path / "nothing")
    with pytest.raises(ResultsError, match=r"does not contain a run: run\.json is missing"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "no", "{}", '{"description": {}}'])
def test_a_start_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    """A damaged `run.json` is an error with its path, not a crash."""
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(ResultsError, match=r"run\.json cannot be read"):
        load(tmp_path)


def test_a_start_of_a_later_version_is_read(tmp_path: Path) -> None:
    """Keys that are not known are left alone."""
    folder = started(tmp_path)
    text = RunFolder(folder).start.read_text()
    RunFolder(folder).start.write_text(text.replace('"run_id"', '"colour": "red", "run_id"'))

    assert load(folder).summary["run_id"] == START.run_id


def test_importing_loadcore_reads_no_arrow() -> None:
    """Writing scenarios and asking for help costs no import of pyarrow; running and loading are there all the same."""
    code = "import sys, loadcore; sys.exit(any(name in sys.modules for name in ('pyarrow', 'numpy', 'loadcore._core')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def wrote(folder: Path, seconds: dict[int, int], rows: int, *, sealed: bool = False, warm_up_s: int = 0) -> Path:
    """A run whose workers were gone after these numbers of seconds of ten requests each, with this many rows in all."""
    run = RunFolder(folder)
    folder.mkdir()
    known = {"pid": os.getpid(), "started_ticks": 1, **run.inode()}
    run.start.write_text(replace(START, supervisor=known, warm_up_ns=warm_up_s * 10**9).to_json())
    windows = WindowsFile(run, DESCRIPTION, {})
    windows.open()
    for second in range(max(seconds.values())):
        for worker in [worker for worker, lived in seconds.items() if second < lived]:
            phase = "warm_up" if second < warm_up_s else "steady"
            about = {"second": second, "worker": worker, "phase": phase, "scenario": "shop"}
            step = {
                "kind": "step",
                "name": "GET /items",
                "section": "main",
                "method": "GET",
                "count": 10,
                "attempts": 10,
            }
            step |= {"asked": 10, "started": 10, "answered": 10, "failed": 0}
            step |= {"statuses": [{"status": 200, "count": 10}], "outcomes": [{"name": "ok", "count": 10}]}
            windows.write(pa.RecordBatch.from_pylist([about | step], schema=PLAIN))
    if sealed:
        windows.close()
    requests = ArrowFile(run.requests(0), TableEncoder(REQUESTS))
    requests.write(pa.RecordBatch.from_pylist([row(number) for number in range(rows)], schema=REQUESTS))
    if sealed:
        requests.seal()
    return folder


def row(number: int) -> dict[str, object]:
    """A request that was answered."""
    words = {"scenario": "shop", "step": "GET /items", "method": "GET", "outcome": "ok", "phase": "steady"}
    known = {**words, "error": False, "superseded": False, "reused": True, "iteration": number}
    return {field.name: known.get(field.name, None if field.nullable else 0) for field in REQUESTS}


def test_windows_that_lag_behind_rows_are_told(tmp_path: Path) -> None:
    """The numbers are those of the seconds that there are, and the reader knows what is in none of them."""
    run = load(wrote(tmp_path / "run", {0: 2, 1: 3}, 55))

    assert run.state == "killed"
    covered = "windows cover the first 2 s, 15 of 55 rows are later and not counted"
    assert run.verdict["reasons"] == [f"the run was killed: showing the first 2 s; {covered}"]
    # A second that only one of two workers has told of would make the rate too small.
    assert (run.summary["all"]["requests"], run.summary["all"]["requests_per_s"]) == (40, 20)


def test_rows_that_keep_up_are_not_doubted(tmp_path: Path) -> None:
    """Nothing is missing that anybody wrote."""
    run = load(wrote(tmp_path / "run", {0: 2, 1: 2}, 40))

    assert run.verdict["reasons"] == ["the run was killed: showing the first 2 s"]


def test_a_worker_that_was_lost_long_before_is_not_waited_for(tmp_path: Path) -> None:
    """What the others did after it was lost is counted."""
    assert load(wrote(tmp_path / "run", {0: 9, 1: 2}, 110)).summary["all"]["requests"] == 110


@pytest.mark.parametrize(("seconds", "warm_up_s"), [(0, 0), (3, 5)])
def test_a_run_that_was_killed_early_has_data(tmp_path: Path, seconds: int, warm_up_s: int) -> None:
    """Rows without windows, or none of the measured part, are not "no data": the run was killed too early."""
    run = load(wrote(tmp_path / "run", {0: seconds, 1: seconds}, 223, warm_up_s=warm_up_s))

    assert (run.verdict["status"], run.exit_code) == ("invalid", ExitCode.INVALID)
    assert run.verdict["exit_codes"] == [ExitCode.INVALID]
    assert f"windows cover the first {seconds} s" in run.verdict["reasons"][0]
    shown = text.render(run.summary)
    assert "NO DATA" not in shown
    assert "CLIENT ? nothing measured" in shown


def test_a_folder_that_was_moved_is_no_killed_run(tmp_path: Path) -> None:
    """The run wrote to its end, elsewhere than its supervisor looked: all windows count."""
    run = load(wrote(tmp_path / "run", {0: 2, 1: 3}, 50, sealed=True).rename(tmp_path / "moved"))

    assert (run.state, run.truncated, run.exit_code) == ("moved", True, ExitCode.INVALID)
    assert "its folder had been moved" in run.missing[0]
    assert "its folder had been moved" in run.verdict["reasons"][0]
    assert run.summary["all"]["requests"] == 50


def test_a_copy_that_was_made_in_mid_run_is_no_killed_run(tmp_path: Path) -> None:
    """It neither continues, though the run does, nor was it killed."""
    folder = wrote(tmp_path / "run", {0: 2, 1: 2}, 40)
    document = RunFolder(folder).start
    document.write_text(document.read_text().replace('"started_ticks": 1', f'"started_ticks": {_ticks()}'))
    shutil.copytree(folder, tmp_path / "copy")

    assert (load(folder).state, load(tmp_path / "copy").state) == ("running", "copied")
    assert load(tmp_path / "copy").verdict["reasons"][0].startswith("this is a copy of the run's folder")


def _ticks() -> int:
    return this_process()["started_ticks"]
