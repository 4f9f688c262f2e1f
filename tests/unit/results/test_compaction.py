"""A sealed file of many small batches, written again in few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from loadcore.results.run_folder import RunFolder
from loadcore.results.write.compaction import gather
from loadcore.results.write.manifest import sha256_of
from loadcore.results.write.table_encoder import TableEncoder
from loadcore.results.write.windows_file import PLAIN, WindowsFile
from loadcore.results.write.writer import ArrowFile
from tests.unit.results.numbers import DESCRIPTION

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from loadcore.engine import Description


def seconds(count: int) -> list[pa.RecordBatch]:
    """A small batch for each second."""
    rows = [{"second": second, "worker": 0, "phase": "steady", "kind": "worker"} for second in range(count)]
    return [pa.RecordBatch.from_pylist([row], schema=PLAIN) for row in rows]


def test_windows_of_a_small_run_take_little_room(tmp_path: Path) -> None:
    """During the run every second is on the disk; at its end they share a batch, and the facts still hold."""
    folder = RunFolder(tmp_path)
    windows = WindowsFile(folder, DESCRIPTION, {"loadcore.run_id": "01JD"})
    for batch in seconds(60):
        windows.write(batch)
    path = folder.windows_segment(0)
    before = path.stat().st_size
    (facts,) = windows.close()

    with pa.OSFile(str(path)) as source:
        file = pa.ipc.open_file(source)
        assert (file.num_record_batches, file.schema.metadata[b"loadcore.run_id"]) == (1, b"01JD")
        assert file.read_all().column("second").to_pylist() == list(range(60))
    assert (facts.name, facts.rows, facts.bytes, facts.sha256) == (path.name, 60, path.stat().st_size, sha256_of(path))
    assert facts.bytes < before / 10
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gathered file is extra work: if it cannot be written nothing is lost."""
    path = tmp_path / "windows.arrow"
    file = ArrowFile(path, TableEncoder(PLAIN))
    for batch in seconds(3):
        file.write(batch)
    facts = file.seal()

    def full(_self: object, _batch: pa.RecordBatch) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ArrowFile, "write", full)

    assert gather(path, facts) == facts
    assert sha256_of(path) == facts.sha256
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_names_may_be_met_after_windows_without_any(tmp_path: Path) -> None:
    """A run whose plan has no steps begins with windows that name none."""
    folder = RunFolder(tmp_path)
    windows = WindowsFile(folder, without_names(DESCRIPTION), {})
    windows.write(*seconds(1))
    row = {"second": 1, "worker": 0, "phase": "steady", "kind": "step", "name": "GET /x", "method": "GET"}
    windows.write(pa.RecordBatch.from_pylist([row], schema=PLAIN))
    windows.close()

    assert windows.problem is None
    with pa.OSFile(str(folder.windows_segment(0))) as source:
        names = pa.ipc.open_file(source).read_all().column("name").to_pylist()
    assert names == [None, "GET /x"]


def without_names(description: Description) -> Description:
    """The same without steps, checks and groups."""
    return description._replace(steps=(), checks=(), groups=())
