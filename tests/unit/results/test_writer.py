"""Arrow files that survive their writer."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadcore.results import reader
from loadcore.results.write.table_encoder import TableEncoder
from loadcore.results.write.writer import ArrowFile, SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = pa.schema([("word", pa.dictionary(pa.int8(), pa.utf8())), ("number", pa.int64())])
WORDS = pa.array(["one", "two", "three"])


def batch(first: int, rows: int) -> pa.RecordBatch:
    """Rows numbered from `first`, with words from one fixed dictionary."""
    numbers = range(first, first + rows)
    places = pa.array([number % 3 for number in numbers], pa.int8())
    words = pa.DictionaryArray.from_arrays(places, WORDS)
    return pa.RecordBatch.from_arrays([words, pa.array(numbers, pa.int64())], schema=SCHEMA)


def numbers_in(path: Path) -> list[int]:
    """The column `number` of all that can be read."""
    return [value for part in reader.read(path).batches for value in part.column("number").to_pylist()]


class Disk:
    """Stands in for os.write: fails when told to, after taking a part of what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.writes: list[int] = []
        self._write: Callable[[int, memoryview], int] = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write, or fail when full."""
        if self.full and len(data) > 100:
            return self._write(descriptor, data[:100])
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.writes.append(len(data))
        return self._write(descriptor, data)


def test_a_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch reaches the kernel in a single write: a killed process leaves whole batches."""
    disk = Disk(monkeypatch)
    file = ArrowFile(tmp_path / "a.arrow", TableEncoder(SCHEMA))
    for first in range(0, 500, 100):
        file.write(batch(first, 100))

    assert len(disk.writes) == 5
    assert numbers_in(tmp_path / "a.arrow") == list(range(500))


def test_a_sealed_file_is_an_arrow_file_and_its_facts_hold(tmp_path: Path) -> None:
    """A sealed file opens by the file reader, and rows, bytes and hash are those on disk."""
    path = tmp_path / "a.arrow"
    file = ArrowFile(path, TableEncoder(SCHEMA))
    file.write(batch(0, 10))
    file.write(batch(10, 5))
    facts = file.seal()
    content = path.read_bytes()

    assert pa.ipc.open_file(path).read_all().num_rows == 15
    assert (facts.rows, facts.bytes, facts.sealed) == (15, len(content), True)
    assert facts.sha256 == hashlib.sha256(content).hexdigest()
    assert reader.is_sealed(path)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """The bytes of a sealed file of five batches, and where each batch ends."""
    path = tmp_path_factory.mktemp("body") / "a.arrow"
    file = ArrowFile(path, TableEncoder(SCHEMA))
    ends = []
    for first in range(0, 50, 10):
        file.write(batch(first, 10))
        ends.append(path.stat().st_size)
    file.seal()
    return path.read_bytes(), ends


@settings(max_examples=200, deadline=None)
@given(share=st.floats(0, 1))
def test_a_cut_file_gives_every_whole_batch(
    body: tuple[bytes, list[int]], tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """Wherever a file ends, exactly the batches that end before are read."""
    content, ends = body
    cut = int(share * len(content))
    path = tmp_path_factory.mktemp("cut") / "a.arrow"
    path.write_bytes(content[:cut])

    whole = sum(end <= cut for end in ends)
    contents = reader.read(path)
    assert numbers_in(path) == list(range(10 * whole))
    assert contents.sealed == (cut == len(content))
    assert contents.rows == 10 * whole


def test_a_full_disk_costs_the_rows_of_that_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that the disk does not take are counted; what came before stays, what comes after goes to a new segment."""
    disk = Disk(monkeypatch)
    now = 0.0
    writer = SegmentedWriter(lambda segment: tmp_path / f"{segment}.arrow", lambda: TableEncoder(SCHEMA), lambda: now)
    assert writer.write(batch(0, 10))
    disk.full = True
    assert not writer.write(batch(10, 10))
    now = 0.5
    assert not writer.write(batch(20, 10))
    now = 1.5
    assert not writer.write(batch(30, 10))
    disk.full, now = False, 3.0
    assert writer.write(batch(40, 10))
    facts = writer.close()

    assert numbers_in(tmp_path / "0.arrow") == list(range(10))
    assert numbers_in(tmp_path / "1.arrow") == list(range(40, 50))
    assert [(fact.name, fact.rows, fact.sealed) for fact in facts] == [("0.arrow", 10, False), ("1.arrow", 10, True)]
    assert [fact.bytes for fact in facts] == [(tmp_path / fact.name).stat().st_size for fact in facts]
    assert (writer.rows, writer.rows_lost) == (20, 30)
    assert writer.problem == "No space left on device (0.arrow)"


def test_a_disk_that_was_always_full_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that holds no whole batch is removed again."""
    disk = Disk(monkeypatch)
    disk.full = True
    writer = SegmentedWriter(lambda segment: tmp_path / f"{segment}.arrow", lambda: TableEncoder(SCHEMA))
    writer.write(batch(0, 10))

    assert writer.close() == []
    assert list(tmp_path.iterdir()) == []
    assert writer.rows_lost == 10


def test_a_footer_that_does_not_fit_leaves_the_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose footer the disk does not take is unsealed, and its rows are read."""
    disk = Disk(monkeypatch)
    path = tmp_path / "a.arrow"
    file = ArrowFile(path, TableEncoder(SCHEMA))
    file.write(batch(0, 10))
    disk.full = True
    facts = file.seal()

    assert not facts.sealed
    assert facts.bytes == path.stat().st_size
    assert numbers_in(path) == list(range(10))


def test_a_writer_without_rows_leaves_an_empty_file(tmp_path: Path) -> None:
    """A worker that made no request still leaves a file with the columns."""
    facts = SegmentedWriter(lambda segment: tmp_path / f"{segment}.arrow", lambda: TableEncoder(SCHEMA)).close()

    assert [(fact.rows, fact.sealed) for fact in facts] == [(0, True)]
    assert pa.ipc.open_file(tmp_path / "0.arrow").schema == SCHEMA


def test_a_file_of_something_else_reads_as_nothing(tmp_path: Path) -> None:
    """What is not an Arrow file holds no batches; it is not an error."""
    for content in (b"", b"ARROW1", b"ARROW1\0\0", b"hello, this is not Arrow at all" * 10):
        (tmp_path / "x.arrow").write_bytes(content)
        contents = reader.read(tmp_path / "x.arrow")
        assert (contents.batches, contents.schema, contents.sealed) == ([], None, False)
