"""All requests of a run as one table."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq
import pytest

from loadcore.results.open.export import write_csv, write_parquet
from loadcore.results.schema import REQUESTS
from tests.unit.results.simulated import independent, summed

if TYPE_CHECKING:
    from collections.abc import Callable


def test_rows_of_files_that_lack_columns_are_exported(tmp_path: Path) -> None:
    """All columns are there, those that the files do not have empty; nothing is left beside the file."""
    folder, out = tmp_path / "run", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    requests = independent(random.Random(1), 2)
    summed(folder, requests, 2)
    counts = [write_csv(folder, out / "rows.csv"), write_parquet(folder, out / "rows.parquet")]
    assert counts == [len(requests)] * 2
    assert sorted(each.name for each in out.iterdir()) == ["rows.csv", "rows.parquet"]
    csv = pl.read_csv(out / "rows.csv")
    parquet = pq.read_table(out / "rows.parquet")
    assert [*csv.columns] == parquet.column_names == REQUESTS.names
    assert csv["offset_ns"].to_list() == parquet["offset_ns"].to_pylist()
    assert csv["status"].is_null().all()


def test_a_run_without_rows_is_a_heading(tmp_path: Path) -> None:
    """A run without files of rows is not an error."""
    assert write_csv(tmp_path, tmp_path / "rows.csv") == 0
    assert (tmp_path / "rows.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_link_stays_a_link(write: Callable[[Path, Path], int], tmp_path: Path) -> None:
    """One like /dev/stdout is written through, not replaced by a file."""
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    file.touch()
    write(tmp_path, link)
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "link"]
    assert file.stat().st_size > 0


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_rows_can_be_piped(write: Callable[[Path, Path], int], tmp_path: Path) -> None:
    """To a program that reads them while they come, and gets what a file would have: no pipe says where it is."""
    folder, pipe, file = tmp_path / "run", tmp_path / "pipe", tmp_path / "file"
    folder.mkdir()
    requests = independent(random.Random(1), 2)
    summed(folder, requests, 2)
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        came = pool.submit(pipe.read_bytes)
        assert write(folder, pipe) == len(requests)
        content = came.result(30)
    assert pipe.is_fifo()
    write(folder, file)
    assert content == file.read_bytes()


def test_a_pipe_that_nobody_reads_any_more_is_told(tmp_path: Path) -> None:
    """As an error of the system, which the command says with its option, not as one of Arrow's."""
    folder = tmp_path / "run"
    folder.mkdir()
    summed(folder, independent(random.Random(1), 2), 2)
    ends = os.pipe()
    os.close(ends[0])
    with pytest.raises(BrokenPipeError):
        write_parquet(folder, Path(f"/dev/fd/{ends[1]}"))
    os.close(ends[1])
