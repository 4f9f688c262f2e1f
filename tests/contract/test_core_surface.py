"""The surface of the extension module is what the stub says, and nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from loadcore import _core  # noqa: TID251 - the module under test
from loadcore.results import schema
from tests.contract.plans import plan

ROOT = Path(__file__).parents[2]
LEAK_BYTES = 8 << 20
"""Columns of 3,000 times are far more: 195 MiB where none was released."""
ADDED_IN_PYTHON = {field.name for field in schema.OF_MACHINE}
"""Columns of result files that the engine cannot know: what other processes did."""


def test_exports_are_the_names_of_the_contract() -> None:
    """Whoever adds a name to the border says so here."""
    names = {"Batch", "Engine", "FileEncoder", "Histogram", "NullTarget", "__version__", "outcomes"}
    names |= {"Call", "Crossing", "Future", "Prepared", "Runner", "ScriptUser", "StreamedCall", "Turn", "end_without"}
    names |= {"CallSites", "Snapshot", "Tally"}
    assert set(_core.__all__) == names | {"MAX_DEPTH", "MAX_REDIRECTS"}


def test_the_stub_tells_the_truth() -> None:
    """Names, parameters and kinds in `_core.pyi` are those of the binary."""
    command = [sys.executable, "-m", "mypy.stubtest", "loadcore._core"]
    path = os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "MYPYPATH": str(ROOT / "python"), "PYTHONPATH": path}
    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_classes_cannot_be_extended_or_changed() -> None:
    """What crosses the border is frozen: no attribute can be set on it."""
    with pytest.raises(AttributeError):
        _core.Histogram().count = 3  # type: ignore[misc]


def test_outcomes_have_unique_names_and_a_cause_each() -> None:
    """Reports look causes up by name, and a good outcome is the first."""
    names = [name for name, _ in _core.outcomes()]
    assert names[0] == "ok"
    assert len(set(names)) == len(names)
    assert all(cause.endswith(".") and cause == cause.strip() for _, cause in _core.outcomes())


def columns(batch: object) -> dict[str, tuple[pa.DataType, bool]]:
    """The columns of a batch: type and whether they may hold nulls, by name and in order."""
    return {field.name: (field.type, field.nullable) for field in pa.record_batch(batch).schema}


def declared(fields: pa.Schema) -> dict[str, tuple[pa.DataType, bool]]:
    """The same of a declared schema, without the columns that Python adds."""
    return {field.name: (field.type, field.nullable) for field in fields if field.name not in ADDED_IN_PYTHON}


def test_rows_have_the_columns_of_the_published_schema() -> None:
    """Names, order, types and nulls of the engine's rows are those of `requests-*.arrow`."""
    requests, _ = _core.Engine(plan(), 0, 1).empty_batches()
    assert list(columns(requests).items()) == list(declared(schema.REQUESTS).items())


def test_windows_have_the_columns_of_the_published_schema() -> None:
    """Names, order, types and nulls of the engine's windows are those of `windows.arrow`."""
    _, windows = _core.Engine(plan(), 0, 1).empty_batches()
    assert list(columns(windows).items()) == list(declared(schema.WINDOWS).items())


def test_a_batch_can_be_imported_more_than_once() -> None:
    """Each import gets its own reference: releasing one does not take the columns from the other."""
    batch, _ = _core.Engine(plan(), 0, 1).empty_batches()
    first, second = pa.record_batch(batch), pa.record_batch(batch)
    assert first.schema == second.schema == pa.schema(batch)
    assert len(batch) == first.num_rows == 0


def test_capsules_that_are_never_imported_are_released() -> None:
    """A consumer that asks for columns and then gives up leaks none of them."""
    batch = _core.Engine(plan(), 0, 1).empty_batches()[1]

    def ask(times: int) -> int:
        """Ask, and say how much memory the process has then."""
        for _ in range(times):
            batch.__arrow_c_array__()
            batch.__arrow_c_schema__()
        return int(psutil.Process().memory_info().rss)

    before = ask(200)
    assert ask(3_000) - before < LEAK_BYTES
