"""What is read of a long run's files takes the memory of one batch, not that of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loadcore.results.open.opening import facts_on_disk
from loadcore.results.reader import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCHES, ROWS = 50, 20_000


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """What Arrow has its memory from meanwhile: it knows the most that it gave at once."""
    before = pa.default_memory_pool()
    found = pa.proxy_memory_pool(before)
    pa.set_memory_pool(found)
    yield found
    pa.set_memory_pool(before)


@pytest.mark.parametrize("sealed", [True, False])
def test_rows_are_counted_in_the_memory_of_one_batch(tmp_path: Path, pool: pa.MemoryPool, sealed: bool) -> None:
    """A killed run of hours has millions of rows, and its summary says how many."""
    path = tmp_path / "requests-0.arrow"
    numbers = pa.array(range(ROWS), pa.int64())
    batch = pa.record_batch(dict.fromkeys("abcdefgh", numbers))
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema, options=options) as writer:
        for _ in range(BATCHES):
            writer.write_batch(batch)
    if not sealed:
        # Without its footer, and with the last batch cut short.
        path.write_bytes(path.read_bytes()[: -path.stat().st_size // (2 * BATCHES)])
    own = pool.max_memory()
    (facts,) = facts_on_disk([path])
    assert (facts.rows, facts.sealed) == ((BATCHES if sealed else BATCHES - 1) * ROWS, sealed)
    assert pool.max_memory() < own + 2 * batch.nbytes
    # Which all of them exceed by far.
    contents = read(path)
    assert contents.rows == facts.rows
    assert pool.max_memory() > BATCHES / 2 * batch.nbytes
