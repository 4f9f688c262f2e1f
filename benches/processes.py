"""Runs a client and measures what it and all its children cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benches.targets.target import Target


@dataclass(frozen=True)
class Finished:
    """A client that has ended."""

    output: str
    errors: str
    exit_code: int
    cpu_s: float
    """User and system time of the whole tree of processes."""
    wall_s: float
    max_rss_bytes: int
    """The largest of its processes."""
    server_cpu_s: float
    """What the target used meanwhile."""
    foreign_cores: float
    """Cores that others kept busy meanwhile, on average."""


def run(command: Sequence[str], target: Target | None = None, environment: Mapping[str, str] | None = None) -> Finished:
    """Runs a command to its end."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        server_before, busy_before = target.cpu_s() if target else 0.0, _busy_s()
        begun = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env={**os.environ, **(environment or {})}
        )
        # Unlike `wait`, this tells what the process and the children that it waited for have used.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        busy_s = _busy_s() - busy_before
        server_s = (target.cpu_s() - server_before) if target else 0.0
        cpu_s = usage.ru_utime + usage.ru_stime
        output.seek(0)
        errors.seek(0)
        return Finished(
            output=output.read(),
            errors=errors.read(),
            exit_code=process.returncode,
            cpu_s=cpu_s,
            wall_s=wall_s,
            max_rss_bytes=usage.ru_maxrss * 1024,
            server_cpu_s=server_s,
            foreign_cores=max(0.0, (busy_s - server_s - cpu_s) / wall_s),
        )


def _busy_s() -> float:
    """CPU time that all cores have spent on anything so far."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
