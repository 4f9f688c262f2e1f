"""The columns that the engine gives are those that result files promise."""

from __future__ import annotations

import pyarrow as pa
import pytest

from loadcore import Http, Scenario, get, users
from loadcore._core import Engine  # noqa: TID251 - the contract with the extension itself
from loadcore.compiler import compile_plan
from loadcore.results.schema import OF_MACHINE, REQUESTS, TRACE_ID, WINDOWS


@pytest.fixture(scope="module")
def batches() -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows and windows of an engine, empty."""
    steps = [get("/items")]
    scenario = Scenario("shop", base_url="http://127.0.0.1:1", load=users(1, duration="1s"), steps=steps)
    rows, windows = Engine(compile_plan([scenario]).to_json(), 0, 1).empty_batches()
    return pa.record_batch(rows), pa.record_batch(windows)


def test_rows_have_the_promised_columns(batches: tuple[pa.RecordBatch, pa.RecordBatch]) -> None:
    """All columns, in the same order and types."""
    assert batches[0].schema == REQUESTS


def test_rows_of_a_run_that_traces_have_one_more() -> None:
    """The ids of traces are the last column."""
    http = Http(trace_sample="1%")
    load = users(1, duration="1s")
    scenario = Scenario("shop", base_url="http://127.0.0.1:1", load=load, http=http, steps=[get("/items")])
    rows, _ = Engine(compile_plan([scenario]).to_json(), 0, 1).empty_batches()
    assert pa.record_batch(rows).schema == REQUESTS.append(TRACE_ID)


def test_windows_have_the_promised_columns(batches: tuple[pa.RecordBatch, pa.RecordBatch]) -> None:
    """All columns but what the supervisor adds about the machine."""
    promised = pa.schema([field for field in WINDOWS if field not in OF_MACHINE])

    assert batches[1].schema == promised
