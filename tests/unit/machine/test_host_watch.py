"""What the client and other programs use of the machine, from one look to the next."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.machine import control_groups, host_watch
from loadcore.machine.host_watch import HostWatch

if TYPE_CHECKING:
    import pytest

MS = 1_000_000
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True)\ninput()"


def test_a_workers_cpu_is_the_clients_while_it_works_and_after_it_has_ended() -> None:
    """CPU of a worker is counted once, and is never that of another program."""
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        watch = HostWatch([worker.pid])
        assert worker.stdout is not None
        worker.stdout.readline()
        working = watch.look()
        worker.communicate(b"\n", timeout=60)
    ended = watch.look()
    assert working is not None
    assert ended is not None

    assert working["client_cpu_ns"] >= 250 * MS
    assert ended["client_cpu_ns"] < 200 * MS


class _Scripted:
    """Time and counters that a test sets."""

    def __init__(self, patch: pytest.MonkeyPatch, cores: int) -> None:
        self.wall = self.busy = self.own = 0
        self.stopped: dict[Path, int] = {}
        patch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
        patch.setattr(time, "monotonic_ns", lambda: self.wall)
        patch.setattr(host_watch, "busy_ns", lambda _cores: self.busy)
        patch.setattr(host_watch, "process_cpu_ns", lambda _pid: self.own)
        patch.setattr(control_groups, "stopped_ns", lambda: dict(self.stopped))


def test_other_programs_never_use_more_than_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks are counted in tens of milliseconds: in a short stretch they come to more than there is."""
    script = _Scripted(monkeypatch, cores=2)
    watch = HostWatch([1])
    script.wall, script.busy = 9 * MS, 40 * MS

    seen = watch.look()

    assert seen is not None
    assert seen["foreign_cpu_ns"] <= 18 * MS


def test_the_group_that_stopped_the_client_longest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group and the one above it stop the same processes; what was before the run is not counted."""
    script = _Scripted(monkeypatch, cores=2)
    own, above = Path("own"), Path("above")
    script.stopped = {own: 5_000 * MS, above: 100 * MS}
    watch = HostWatch()
    script.wall, script.stopped = 1_000 * MS, {own: 5_700 * MS, above: 150 * MS, Path("new"): 900 * MS}

    first, second = watch.look(), watch.look()

    assert first is not None
    assert second is not None
    assert (first["throttled_ns"], second["throttled_ns"]) == (700 * MS, 0)
