"""What a client may have, and what else runs meanwhile: limits that the kernel enforces, programs that compete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.verdict.situation import Surroundings

_GROUPS_V1 = Path("/sys/fs/cgroup/cpu")
_GROUPS_V2 = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000
_AT_MOST_S = 60
_HOG = f"import time\nend = time.monotonic() + {_AT_MOST_S}\nwhile time.monotonic() < end: pass"
_BURSTS = """
import time, sys
busy_s, period_s, end = float(sys.argv[1]), float(sys.argv[2]), time.monotonic() + {at_most}
while (now := time.monotonic()) < end:
    while time.monotonic() < now + busy_s: pass
    time.sleep(period_s - busy_s)
"""


def missing(around: Surroundings) -> str | None:
    """Why this machine cannot offer these surroundings; None if it can."""
    if around.local_ports is not None and os.geteuid() != 0:
        return "a network namespace needs root"
    if around.quota is not None and _writable_groups() is None:
        return "no control group for CPU can be made here"
    if around.target_cores is not None and len(os.sched_getaffinity(0)) < 2:
        return "needs two cores"
    return None


@contextmanager
def namespace(around: Surroundings) -> Iterator[list[str]]:
    """What a command begins with to run where the number of ports is limited; nothing if there are as many as usual."""
    if around.local_ports is None:
        yield []
        return
    first, last = around.local_ports
    setup = (
        "ip link set lo up && "
        f"echo {first} {last} > /proc/sys/net/ipv4/ip_local_port_range && "
        f"echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse && echo ready && exec sleep {2 * _AT_MOST_S}"
    )
    with subprocess.Popen(["unshare", "-n", "sh", "-c", setup], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == "ready"
            yield ["nsenter", "--net=" + f"/proc/{holder.pid}/ns/net"]
        finally:
            holder.kill()


@contextmanager
def limited(around: Surroundings) -> Iterator[tuple[list[str], Path | None]]:
    """What the client's command begins with, and its control group if it has a quota."""
    wrap: list[str] = []
    if around.open_files is not None:
        wrap += ["prlimit", f"--nofile={around.open_files}:{around.open_files}"]
    if around.cores is not None:
        wrap += ["taskset", "-c", around.cores]
    if around.first and os.geteuid() == 0:
        wrap += ["nice", "-n", "-20"]
    if around.quota is None:
        yield wrap, None
        return
    root = _writable_groups()
    assert root is not None
    group = root / f"verdict-{os.getpid()}"
    group.mkdir()
    # Starting a program within a tenth of a core takes as long as the run: the quota comes with the first request.
    _set_quota(group, 1.0)
    try:
        yield [*wrap, "sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"], group
    finally:
        _remove(group)


def starve(around: Surroundings, group: Path | None) -> None:
    """Take from the client what it had while it started: call it with the first request."""
    if group is not None and around.quota is not None:
        _set_quota(group, around.quota)


@contextmanager
def competing(around: Surroundings) -> Iterator[None]:
    """The programs that want the cores as well, until the block ends."""
    cores = len(os.sched_getaffinity(0))
    commands = [[sys.executable, "-c", _HOG]] * around.hogs
    if around.bursts_ms is not None:
        busy, period = (str(each / 1000) for each in around.bursts_ms)
        commands += [[sys.executable, "-c", _BURSTS.format(at_most=_AT_MOST_S), busy, period]] * cores
    running = [subprocess.Popen(command) for command in commands]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextmanager
def stopping(around: Surroundings, client: int) -> Iterator[None]:
    """Stops the client's workers again and again, or once, until the block ends. Call it with the first request."""
    over = threading.Event()
    thread = threading.Thread(target=_stop_workers, args=(around, client, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _stop_workers(around: Surroundings, client: int, over: threading.Event) -> None:
    if around.stopped_once_s is not None:
        after_s, for_s = around.stopped_once_s
        if not over.wait(after_s):
            _stop_for(client, for_s, over)
    elif around.stopped_ms is not None:
        stopped_s, period_s = (each / 1000 for each in around.stopped_ms)
        end = time.monotonic() + _AT_MOST_S
        while not over.wait(period_s - stopped_s) and time.monotonic() < end:
            _stop_for(client, stopped_s, over)


def _stop_for(client: int, seconds: float, over: threading.Event) -> None:
    stopped: Sequence[psutil.Process] = ()
    with suppress(psutil.NoSuchProcess):
        stopped = psutil.Process(client).children(recursive=True)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        if number == signal.SIGSTOP:
            over.wait(seconds)


def _writable_groups() -> Path | None:
    """Where a control group with a quota can be made, version 1 or 2."""
    if os.access(_GROUPS_V1 / "cpu.cfs_quota_us", os.W_OK):
        return _GROUPS_V1
    controllers = _GROUPS_V2 / "cgroup.subtree_control"
    if os.access(controllers, os.W_OK) and "cpu" in controllers.read_text().split():
        return _GROUPS_V2
    return None


def _set_quota(group: Path, cores: float) -> None:
    quota_us = round(cores * _PERIOD_US)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))


def _remove(group: Path) -> None:
    """What is left of a group, once its last process has gone."""
    for _ in range(100):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
