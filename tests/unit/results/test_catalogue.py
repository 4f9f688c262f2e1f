"""Lists of runs, and removing them."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ResultsError
from loadcore.machine import host
from loadcore.report import catalogue as listing
from loadcore.report.glyphs import ASCII
from loadcore.report.layout import Page
from loadcore.results.open.catalogue import older_than, remove, runs_in, tagged
from loadcore.results.run_folder import RunFolder
from tests.unit.comparison.runs import made, summary
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from pathlib import Path

_HOUR_US = 3_600_000_000


def kept(root: Path, name: str, hours: int, **facts: object) -> Path:
    """A run that began this many hours after the first."""
    folder = made(root / name, summary(10))
    start = replace(START, run_id=name, wall_start_us=START.wall_start_us + hours * _HOUR_US, **facts)  # type: ignore[arg-type]
    RunFolder(folder).start.write_text(start.to_json())
    return folder


def test_the_newest_run_is_first_and_other_folders_are_left_out(tmp_path: Path) -> None:
    """Links and folders without a run are not runs; one that cannot be read is listed as such."""
    kept(tmp_path, "one", 0)
    kept(tmp_path, "two", 2, tags={"build": "17"}, revision={"commit": "ab" * 20, "branch": "main", "dirty": True})
    (tmp_path / "baselines").mkdir()
    (tmp_path / "latest").symlink_to("two")
    broken = kept(tmp_path, "three", 1)
    RunFolder(broken).summary.write_text("{")
    found = runs_in(tmp_path)
    assert [(run.path.name, run.status) for run in found] == [
        ("two", "pass"),
        ("three", "unreadable"),
        ("one", "pass"),
    ]
    assert [run.path.name for run in tagged(found, {"build": "17"})] == ["two"]
    told = "\n".join(listing.render(found, Page(120, ASCII)))
    assert "build=17" in told
    assert "abababab+" in told
    assert "3 runs, " in told
    assert max(map(len, "\n".join(listing.render(found, Page(60, ASCII))).splitlines())) <= 60


def test_no_runs(tmp_path: Path) -> None:
    """A folder that is not there has none, and the list says so."""
    assert runs_in(tmp_path / "none") == []
    assert listing.render([], Page(80, ASCII)) == [" no runs"]


def test_age_is_counted_from_the_start(tmp_path: Path) -> None:
    """What began exactly that long ago is not older."""
    kept(tmp_path, "one", 0)
    kept(tmp_path, "two", 5)
    now = START.wall_start_us + 6 * _HOUR_US
    found = older_than(runs_in(tmp_path), 3_600_000_000_000, now)
    assert [run.path.name for run in found] == ["one"]


def test_removing_the_latest_points_at_the_newest_left(tmp_path: Path) -> None:
    """And at nothing, where nothing is left."""
    kept(tmp_path, "one", 0)
    kept(tmp_path, "two", 1)
    (tmp_path / "latest").symlink_to("two")
    two, one = runs_in(tmp_path)
    remove([two], tmp_path)
    assert (tmp_path / "latest").resolve() == (tmp_path / "one").resolve()
    remove([one], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_progress_stays_and_so_do_the_others(tmp_path: Path) -> None:
    """It is refused before anything is deleted."""
    alive = {"pid": os.getpid(), "started_ticks": host.started_ticks(os.getpid()) or 0}
    kept(tmp_path, "one", 0)
    RunFolder(kept(tmp_path, "two", 1, supervisor=alive)).summary.unlink()
    found = runs_in(tmp_path)
    assert [run.running for run in found] == [True, False]
    with pytest.raises(ResultsError, match="run two is in progress"):
        remove(found, tmp_path)
    assert len(runs_in(tmp_path)) == 2


def test_a_run_that_is_written_to_from_elsewhere_is_in_progress(tmp_path: Path) -> None:
    """Its process is in a container, say; a run that was killed is quiet after some seconds."""
    folder = RunFolder(kept(tmp_path, "one", 0))
    folder.windows_segment(0).write_bytes(b"")
    (found,) = runs_in(tmp_path)
    with pytest.raises(ResultsError, match="run one is in progress"):
        remove([found], tmp_path)
    long_ago = time.time() - 60
    os.utime(folder.windows_segment(0), (long_ago, long_ago))
    remove(runs_in(tmp_path), tmp_path)
    assert not folder.path.exists()


def test_a_folder_of_another_program_is_never_removed(tmp_path: Path) -> None:
    """It has a `run.json` of its own."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "run.json").write_text('{"scripts": {}}')
    with pytest.raises(ResultsError, match="may not be a run"):
        remove(runs_in(tmp_path), tmp_path)
    assert (tmp_path / "web" / "run.json").exists()
