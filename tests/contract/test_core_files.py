"""The files that the engine encodes are those that every reader of Arrow reads, whole or cut short."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadcore import _core  # noqa: TID251 - the module under test
from loadcore.errors import InternalError
from loadcore.results import reader
from loadcore.results.schema import REQUESTS
from loadcore.results.write.writer import ArrowFile
from tests.contract.counting_server import counting_server
from tests.contract.plans import SECOND, plan

if TYPE_CHECKING:
    from pathlib import Path

HOME = {"kind": "request", "name": "home", "method": "GET", "url": "/"}
MISSING = {"kind": "request", "name": "missing", "method": "GET", "url": "/missing"}
METADATA = {"loadcore.run_id": "01ABC", "loadcore.schema_version": "1.0"}
WALL_START_US = 1_700_000_000_000_000


def batches_of(steps: list[dict[str, Any]]) -> tuple[_core.Engine, _core.Batch, _core.Batch]:
    """An engine that has made 40 iterations, its rows in one batch, and its last windows."""
    load = {"kind": "iterations", "users": 2, "iterations": 40, "scope": "shared", "max_duration_ns": 30 * SECOND}
    found: dict[str, Any] = {}
    with counting_server() as server:
        engine = _core.Engine(plan(server.url, steps, load=load), 0, 1)
        engine.start(time.monotonic_ns(), WALL_START_US)
        while (event := engine.next_event(20_000)) is not None:
            found[event[0]] = event[1]
    return engine, found["rows"], found["windows"]


@pytest.fixture(scope="module")
def made() -> tuple[_core.Engine, _core.Batch, _core.Batch]:
    """One run for all tests."""
    return batches_of([HOME, MISSING])


def write(path: Path, encoder: _core.FileEncoder, *batches: _core.Batch) -> list[int]:
    """A sealed file of these batches. Gives where each batch ends."""
    file, ends = ArrowFile(path, encoder), []
    for batch in batches:
        file.write(batch)
        ends.append(path.stat().st_size)
    assert file.seal().sealed
    return ends


def test_rows_in_a_file_are_the_rows_that_were_lent(
    made: tuple[_core.Engine, _core.Batch, _core.Batch], tmp_path: Path
) -> None:
    """What pyarrow reads from the file is what it imports from memory: schema, metadata, words, nulls, every value."""
    engine, rows, _ = made
    write(tmp_path / "a.arrow", engine.file_encoder(METADATA), rows)
    table = pa.ipc.open_file(tmp_path / "a.arrow").read_all()

    assert table.schema.equals(REQUESTS.with_metadata(METADATA), check_metadata=True)
    assert table.num_rows == 80
    assert table.to_pylist() == pa.record_batch(rows).to_pylist()


def test_rows_count_their_wall_clock_time_from_the_start(made: tuple[_core.Engine, _core.Batch, _core.Batch]) -> None:
    """`scheduled_at` is the start on the wall clock and the offset, in whole microseconds."""
    rows = pa.record_batch(made[1])
    offsets = rows.column("offset_ns").to_pylist()
    scheduled = rows.column("scheduled_at").cast(pa.int64()).to_pylist()
    assert scheduled == [WALL_START_US + offset // 1_000 for offset in offsets]


@pytest.fixture(scope="module")
def body(
    made: tuple[_core.Engine, _core.Batch, _core.Batch], tmp_path_factory: pytest.TempPathFactory
) -> tuple[bytes, list[int]]:
    """The bytes of a sealed file of five batches, and where each batch ends."""
    path = tmp_path_factory.mktemp("body") / "a.arrow"
    ends = write(path, made[0].file_encoder(METADATA), *[made[1]] * 5)
    return path.read_bytes(), ends


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1))
def test_a_cut_file_gives_every_whole_batch(
    body: tuple[bytes, list[int]], tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """Wherever a killed worker's file ends, exactly the batches that end before are read."""
    content, ends = body
    cut = int(share * len(content))
    path = tmp_path_factory.mktemp("cut") / "a.arrow"
    path.write_bytes(content[:cut])

    contents = reader.read(path)
    assert contents.rows == 80 * sum(end <= cut for end in ends)
    assert contents.sealed == (cut == len(content))


def test_names_may_come_later(tmp_path: Path) -> None:
    """A name that occurs for the first time while a file is written is added to its dictionary, in the same file."""
    engine, first, _ = batches_of([HOME])
    later = batches_of([HOME, MISSING])[1]
    path = tmp_path / "a.arrow"
    write(path, engine.file_encoder({}), first, later)
    steps = ["home"] * 40 + pa.record_batch(later).column("step").to_pylist()

    assert pa.ipc.open_file(path).read_all()["step"].to_pylist() == steps
    path.write_bytes(path.read_bytes()[:-20])
    batches = reader.read(path).batches
    assert [step for batch in batches for step in batch.column("step").to_pylist()] == steps


def test_windows_as_a_stream_are_the_windows_that_were_lent(
    made: tuple[_core.Engine, _core.Batch, _core.Batch],
) -> None:
    """What goes through the pipe to the supervisor is what pyarrow imports from memory."""
    windows = made[2]
    (read,) = pa.ipc.open_stream(windows.to_stream())
    assert read.equals(pa.record_batch(windows))


def test_a_file_with_its_footer_takes_no_more(made: tuple[_core.Engine, _core.Batch, _core.Batch]) -> None:
    """The footer is the end of a file: a batch after it is an error, not an unreadable file."""
    engine, rows, windows = made
    encoder = engine.file_encoder({})
    encoder.finish()
    with pytest.raises(InternalError, match="closed"):
        encoder.encode(rows)
    other = engine.file_encoder({})
    with pytest.raises(InternalError):
        other.encode(windows)
    with pytest.raises(RuntimeError, match="takes no more"):
        other.encode(rows)
