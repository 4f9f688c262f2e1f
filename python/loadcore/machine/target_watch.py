"""What the target uses of this machine, second by second, where it can be seen: its processes, its accept queue."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.machine import control_groups
from loadcore.machine.connections_watch import WayWatch, accept_queue, place_of
from loadcore.machine.kernel_files import text_of
from loadcore.machine.target_meters import GroupMeter, Meter, MetricsMeter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadcore.machine.look import Look

_PROC = Path("/proc")
_NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_LISTENS = "0A"
_MOST_PROCESSES = 64
_LOOK_AGAIN_S = 5
"""After this number of seconds, processes that the target has started are found."""
_MOST_THREADS = 128
"""The number of threads to look at per process."""


@dataclass
class _Used:
    """What a process has used since it began."""

    cpu_ns: int
    threads: dict[int, tuple[int, int]] = field(default_factory=dict)
    """CPU and waiting of each thread that was looked at."""


class TargetWatch:
    """Looks at the target's processes, from one second to the next."""

    def __init__(self, look: Look) -> None:
        self._look = look
        places = [place for url in look.base_urls if (place := place_of(url)) is not None]
        self._ports = {port for _, port in places} if look.is_here else set()
        self._way = WayWatch(look.base_urls)
        self._pids: list[int] = []
        self._before: dict[int, _Used] = {}
        self._wall_ns = time.monotonic_ns()
        self._looked_s = -float(_LOOK_AGAIN_S)
        self._drops: int | None = None
        self._meter: Meter | None = None
        if look.metrics is not None:
            self._meter = MetricsMeter(look.metrics)
        elif look.group is not None:
            self._meter = GroupMeter(look.group)

    def look(self) -> dict[str, Any] | None:
        """What the target used since the last look; None where nothing of it can be seen, or for the first time."""
        now_ns = time.monotonic_ns()
        wall_ns, self._wall_ns = now_ns - self._wall_ns, now_ns
        values: dict[str, Any] = {"wall_ns": wall_ns, **self._queue(), **self._way.look()}
        values |= self._processes(wall_ns) if self._meter is None else self._meter.look()
        return values if len(values) > 1 else None

    def _processes(self, wall_ns: int) -> dict[str, Any]:
        """What the target's processes used since the last look."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= _LOOK_AGAIN_S:
            self._looked_s = now_s
            self._pids = self._find()
        before, self._before = self._before, {pid: used for pid in self._pids if (used := _used(pid)) is not None}
        shared = {pid: used for pid, used in self._before.items() if pid in before}
        return self._compared(before, shared, wall_ns) if shared else {}

    def _find(self) -> list[int]:
        if self._look.pid is not None:
            return _with_children([self._look.pid])
        return _with_children(list(_holders(_listening(self._ports))))

    def _compared(self, before: dict[int, _Used], now: dict[int, _Used], wall_ns: int) -> dict[str, Any]:
        used = {pid: each.cpu_ns - before[pid].cpu_ns for pid, each in now.items()}
        busiest = max(used, key=lambda pid: used[pid])
        values: dict[str, Any] = {
            # Others were started by the first, often under names that say less.
            "target_program": _program(min(now)),
            "target_processes": len(now),
            "target_cpu_ns": sum(used.values()),
            "target_busiest_ns": used[busiest],
            "target_cores": _cores_of(busiest),
        }
        threads = {
            tid: (cpu_ns - old[0], waited_ns - old[1])
            for tid, (cpu_ns, waited_ns) in now[busiest].threads.items()
            if (old := before[busiest].threads.get(tid)) is not None
        }
        if threads:
            cpu_ns, waited_ns = max(threads.values(), key=sum)
            values |= {"target_thread_ns": cpu_ns, "target_waited_ns": min(waited_ns, wall_ns)}
        return values | _descriptors(now)

    def _queue(self) -> dict[str, int]:
        """Connections that wait to be accepted at the target's ports, and those that the kernel dropped."""
        values = accept_queue(self._ports)
        dropped = _dropped() if self._ports else None
        if dropped is not None:
            if self._drops is not None:
                values["accept_drops"] = max(0, dropped - self._drops)
            self._drops = dropped
        return values


def _listening(ports: Iterable[int]) -> set[int]:
    """The sockets that listen at some ports, by their inode."""
    wanted, found = set(ports), set()
    for name in ("tcp", "tcp6") if wanted else ():
        for line in (text_of(_PROC / "net" / name) or "").splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENS and int(words[1].rpartition(":")[2], 16) in wanted:
                found.add(int(words[9]))
    return found


def _dropped() -> int | None:
    """Connections that this machine has dropped since it started because an accept queue was full."""
    lines = (text_of(_PROC / "net/netstat") or "").splitlines()
    for names, numbers in zip(lines[::2], lines[1::2], strict=False):
        if names.startswith("TcpExt:"):
            counts = dict(zip(names.split()[1:], numbers.split()[1:], strict=False))
            return int(counts.get("ListenOverflows", 0))
    return None


def _holders(inodes: set[int]) -> Iterator[int]:
    """The processes that have one of these sockets open, as far as they may be looked at."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _PROC.glob("[0-9]*") if wanted else ():
        try:
            descriptors = list((process / "fd").iterdir())
        except OSError:  # It is not ours, or it ended meanwhile.
            continue
        if any(_leads_to(descriptor) in wanted for descriptor in descriptors):
            yield int(process.name)


def _leads_to(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _with_children(pids: list[int]) -> list[int]:
    """Processes and all that they have started, but for this one: a program may test itself."""
    own = os.getpid()
    found = [pid for pid in dict.fromkeys(pids) if pid != own]
    new = list(found)
    while new and len(found) < _MOST_PROCESSES:
        children = (text_of(_PROC / f"{pid}/task/{pid}/children") or "" for pid in new)
        new = [int(word) for text in children for word in text.split() if int(word) not in (own, *found)]
        found += new
    return found[:_MOST_PROCESSES]


def _used(pid: int) -> _Used | None:
    text = text_of(_PROC / str(pid) / "stat")
    if not text:
        return None
    words = text.rpartition(")")[2].split()
    used = _Used((int(words[11]) + int(words[12])) * _NS_PER_TICK)
    for thread in islice(_PROC.glob(f"{pid}/task/[0-9]*"), _MOST_THREADS):
        numbers = (text_of(thread / "schedstat") or "").split()
        if len(numbers) >= 2:  # noqa: PLR2004 - running and waiting
            used.threads[int(thread.name)] = (int(numbers[0]), int(numbers[1]))
    return used


def _program(pid: int) -> str:
    """What it is called by those who start it: `uvicorn`, not the interpreter that runs it."""
    words = (text_of(_PROC / str(pid) / "cmdline") or "").split("\0")
    name = Path(words[0]).name if words and words[0] else (text_of(_PROC / str(pid) / "comm") or "").strip()
    if name.startswith(("python", "ruby", "node", "java")) and "-c" not in words[1:4]:
        rest = [word for word in words[1:] if word and not word.startswith("-")]
        if rest and "/" not in rest[0].rstrip("/") and "-m" in words[1:3]:
            return f"{name} -m {rest[0]}"
        if rest:
            script = Path(rest[0])
            return f"{name} {script.name}" if script.suffix else script.name
    return name.rstrip(":")


def _cores_of(pid: int) -> float:
    try:
        cores = float(len(os.sched_getaffinity(pid)))
    except OSError:
        cores = float(os.cpu_count() or 1)
    quota = control_groups.allowed_cores(pid)
    return cores if quota is None else min(cores, quota)


def _descriptors(pids: Iterable[int]) -> dict[str, int]:
    """Of the process that is nearest to its limit."""
    from loadcore.machine.host import open_files_of  # noqa: PLC0415 - rarely needed

    found = []
    for pid in pids:
        limit = open_files_of(pid)
        try:
            count = sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())
        except OSError:
            continue
        if limit:
            found.append((count / limit, count, min(limit, 2**31 - 1)))
    if not found:
        return {}
    _, count, limit = max(found)
    return {"target_open_fds": count, "target_fd_limit": limit}
