"""A worker behind pipes, on systems that differ."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from loadcore.processes import messages
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


def test_orders_to_a_worker_that_was_closed_are_swallowed(tmp_path: Path) -> None:
    """Whoever gives an order need not know that another thread has just ended the worker."""
    handle = WorkerProcess(0, tmp_path / "worker.log")
    handle.close()

    handle.arm()
    handle.lease(messages.Lease(0))
    handle.change(messages.Change(0, 0, {}))
    handle.stop()
    handle.interrupt()
    assert isinstance(list(handle.reports())[-1], Gone)
