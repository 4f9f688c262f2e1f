"""A run is followed while it is written, each window once, and to its end."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loadcore.live.web.follow import Follower
from loadcore.machine import host
from loadcore.results.open.growing import GrowingWindows
from loadcore.results.run_folder import RunFolder
from loadcore.results.write.windows_file import PLAIN, WindowsFile
from tests.contract.test_core_histogram import encoded
from tests.unit.report.html.runs import RUNS
from tests.unit.results.numbers import DESCRIPTION, START

if TYPE_CHECKING:
    from pathlib import Path


def second_of(second: int, worker: int) -> pa.RecordBatch:
    """Ten requests of a worker in a second."""
    times = encoded([8_000 + second] * 10)
    about = {"second": second, "worker": worker, "phase": "steady"}
    step = {"kind": "step", "scenario": "shop", "name": "GET /items", "section": "main", "method": "GET", "count": 10}
    step |= {"attempts": 10, "asked": 10, "started": 10, "answered": 10, "errors": 0, "service": times}
    step |= {"response": times, "outcomes": [{"name": "ok", "count": 10}], "statuses": [{"status": 200, "count": 10}]}
    load = {"kind": "scenario", "scenario": "shop", "users_active": 2 + second}
    engine = {"kind": "worker", "cpu_ns": 10**8, "wall_ns": 10**9, "lag_max_ns": 1, "open_fds": 9}
    return pa.RecordBatch.from_pylist([about | step, about | load, about | engine], schema=PLAIN)


def begun(path: Path) -> WindowsFile:
    """A run that this process runs."""
    path.mkdir()
    folder = RunFolder(path)
    known = {"pid": os.getpid(), "started_ticks": host.started_ticks(os.getpid()) or 0, **folder.inode()}
    folder.start.write_text(replace(START, supervisor=known, warm_up_ns=0).to_json())
    windows = WindowsFile(folder, DESCRIPTION, {})
    windows.open()
    return windows


def test_each_batch_is_read_once_as_soon_as_it_is_whole(tmp_path: Path) -> None:
    """Also if what was written ends in the middle of one."""
    windows, folder = begun(tmp_path / "run"), RunFolder(tmp_path / "run")
    growing = GrowingWindows(folder)
    assert list(growing.new()) == []
    windows.write(second_of(0, 0))
    whole = folder.windows_segment(0).stat().st_size
    assert [batch.num_rows for batch in growing.new()] == [3]
    assert list(growing.new()) == []
    windows.write(second_of(1, 0))
    windows.write(second_of(2, 0))
    content = folder.windows_segment(0).read_bytes()
    # The same file as it was when the last batch was half written.
    os.truncate(folder.windows_segment(0), len(content) - (len(content) - whole) // 4)
    assert [set(batch.column("second").to_pylist()) for batch in growing.new()] == [{1}]
    folder.windows_segment(0).write_bytes(content)
    assert [set(batch.column("second").to_pylist()) for batch in growing.new()] == [{2}]
    growing.close()


def test_a_run_is_followed_second_by_second(tmp_path: Path) -> None:
    """A second is shown once all workers have reported it; nothing new is nothing."""
    windows = begun(tmp_path / "run")
    follower = Follower(tmp_path / "run")
    assert follower.look() is None
    windows.write(second_of(0, 0))
    windows.write(second_of(0, 1))
    windows.write(second_of(1, 0))
    first = follower.look()
    assert first is not None
    assert first.summary["verdict"]["status"] == "running"
    assert [moment.answered for moment in first.moments][:1] == [20]
    assert follower.look() is None
    windows.write(second_of(1, 1))
    second = follower.look()
    assert second is not None
    assert [moment.answered for moment in second.moments] == [20, 20]
    assert [moment.users for moment in second.moments] == [4, 6]
    assert second.timeline.response.count == 40
    assert not follower.ended
    follower.close()


def test_a_run_that_ends_is_told_once_more_as_it_is(tmp_path: Path) -> None:
    """Its supervisor is gone: the page gets what there is, and from then on nothing is new."""
    windows = begun(tmp_path / "run")
    for second in range(3):
        for worker in range(2):
            windows.write(second_of(second, worker))
    follower = Follower(tmp_path / "run")
    running = follower.look()
    assert running is not None
    windows.close()
    # What the page has noted of this process is that it runs; a folder with a manifest is complete.
    RUNS["healthy"].folder(tmp_path / "other")
    for name in ("run.json", "summary.json", "manifest.json"):
        (tmp_path / "run" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    last = follower.look()
    assert last is not None
    assert follower.ended
    assert last.summary["verdict"]["status"] == "pass"
    assert follower.look() is None


@pytest.mark.parametrize("name", ["healthy", "killed"])
def test_a_run_that_has_ended_can_be_shown(name: str, tmp_path: Path) -> None:
    """Finished or killed, it is there at the first look."""
    follower = Follower(RUNS[name].folder(tmp_path / "run"))
    assert follower.ended
    assert follower.look() is not None
    assert follower.look() is None
