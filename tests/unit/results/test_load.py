"""Opening folders that hold a run, half of one, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loadcore import machine
from loadcore.errors import ExitCode, ResultsError
from loadcore.results.load import load
from loadcore.results.run_folder import RunFolder
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from pathlib import Path


def started(folder: Path, **supervisor: int) -> Path:
    """A folder in which a run was started by such a process, and nothing else happened."""
    RunFolder(folder).start.write_text(replace(START, supervisor=supervisor).to_json())
    return folder


def this_process() -> dict[str, int]:
    """What `run.json` says of a supervisor that is this process."""
    return {"pid": os.getpid(), "started_ticks": machine.started_ticks(os.getpid()) or 0}


def test_a_run_whose_supervisor_lives_goes_on(tmp_path: Path) -> None:
    """It is opened with what it wrote so far, and nothing is nothing."""
    run = load(started(tmp_path, **this_process()))

    assert (run.state, run.truncated) == ("running", True)
    assert run.missing == ("the run goes on: this is what was written so far",)
    assert (run.requests.num_rows, run.windows.num_rows) == (0, 0)
    assert run.verdict["status"] == "running"


def test_another_process_with_the_same_number_is_not_the_supervisor(tmp_path: Path) -> None:
    """Process ids come again; with its start time a process is itself."""
    run = load(started(tmp_path, pid=os.getpid(), started_ticks=1))

    assert (run.state, run.missing) == (
        "killed",
        ("there is no manifest: the run was killed, or its folder was moved while it ran",),
    )
    assert ExitCode.INVALID in run.verdict["exit_codes"]


def test_a_run_that_never_said_who_runs_it_is_over(tmp_path: Path) -> None:
    """Without a supervisor nobody goes on."""
    assert load(started(tmp_path)).state == "killed"


def test_no_folder_and_no_run_are_told_apart(tmp_path: Path) -> None:
    """Each has its sentence."""
    with pytest.raises(ResultsError, match="there is no run folder"):
        load(tmp_path / "nothing")
    with pytest.raises(ResultsError, match=r"holds no run: there is no run\.json"):
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
