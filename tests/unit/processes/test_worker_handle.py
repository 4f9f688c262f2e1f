"""A worker behind pipes, on systems that differ."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from loadcore.processes.worker_handle import Gone, WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_system_whose_pipes_have_one_size_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux lets a pipe be made wider; elsewhere a worker starts all the same."""
    monkeypatch.delattr(fcntl, "F_SETPIPE_SZ", raising=False)
    handle = WorkerProcess(0, tmp_path / "worker.log")
    handle.close()

    assert isinstance(list(handle.reports())[-1], Gone)
