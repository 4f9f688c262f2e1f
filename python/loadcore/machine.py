"""This machine, as the kernel tells about it: cores, memory, limits, who else uses it. Reads, changes nothing."""

from __future__ import annotations

import os
import platform
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
_NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_BUSY_COLUMNS = (0, 1, 2, 5, 6)
"""Of the line `cpu` in /proc/stat: user, nice, system, irq, softirq."""
_KIB = 1024


@dataclass(frozen=True)
class Limits:
    """What this machine allows a run. None: the kernel does not say."""

    files_soft: int
    files_hard: int
    port_low: int | None
    port_high: int | None
    tcp_tw_reuse: int | None
    somaxconn: int | None
    tcp_max_syn_backlog: int | None
    memory_bytes: int | None
    """What can still be had, of the machine or of the control group."""
    cores: float
    """What this process may use: affinity and control group."""
    cpu_pressure: float | None
    """Percent of the last 10 s in which some thread of the machine waited for a core."""

    @property
    def local_ports(self) -> int | None:
        """How many connections one address may have to one target."""
        return None if self.port_low is None or self.port_high is None else self.port_high - self.port_low + 1

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**asdict(self), "local_ports": self.local_ports}


def read_limits() -> Limits:
    """Ask the kernel now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ports = (_read(_PROC / "sys/net/ipv4/ip_local_port_range") or "").split()
    low, high = (int(ports[0]), int(ports[1])) if len(ports) == 2 else (None, None)  # noqa: PLR2004 - low and high
    return Limits(
        files_soft=soft,
        files_hard=hard,
        port_low=low,
        port_high=high,
        tcp_tw_reuse=_number(_PROC / "sys/net/ipv4/tcp_tw_reuse"),
        somaxconn=_number(_PROC / "sys/net/core/somaxconn"),
        tcp_max_syn_backlog=_number(_PROC / "sys/net/ipv4/tcp_max_syn_backlog"),
        memory_bytes=available_memory(),
        cores=allowed_cores(),
        cpu_pressure=cpu_pressure(),
    )


def open_files_of(pid: int) -> int | None:
    """The soft limit of open files of a process that runs; None if there is none, or it is not ours to see."""
    for line in (_read(_PROC / str(pid) / "limits") or "").splitlines():
        if line.startswith("Max open files"):
            soft = line.removeprefix("Max open files").split()[0]
            return int(soft) if soft.isdigit() else sys.maxsize
    return None


def allowed_cores() -> float:
    """Cores that this process may use at once, by its affinity and the quotas of its control groups."""
    cores = float(len(os.sched_getaffinity(0)))
    quotas = [quota for quota in map(_quota_of, _own_groups()) if quota is not None]
    return min([cores, *quotas])


def available_memory() -> int | None:
    """Bytes that can be had without swapping, of the machine or of the control group, whichever has less."""
    known = [_meminfo("MemAvailable")]
    for group in _own_groups():
        most, used = _number(group / "memory.max"), _number(group / "memory.current")
        known.append(most - used if most is not None and used is not None else None)
    return min((each for each in known if each is not None), default=None)


def cpu_pressure() -> float | None:
    """Percent of the last 10 s in which some thread waited for a core; None where the kernel does not count it."""
    for word in (_read(_PROC / "pressure/cpu") or "").split():
        if word.startswith("avg10="):
            return float(word.removeprefix("avg10="))
    return None


def busy_ns() -> int | None:
    """CPU time that all programs together have used since the machine started, in all cores; None if not known."""
    columns = (_read(_PROC / "stat") or "").partition("\n")[0].split()[1:]
    if len(columns) <= max(_BUSY_COLUMNS):
        return None
    return sum(int(columns[place]) for place in _BUSY_COLUMNS) * _NS_PER_TICK


def started_ticks(pid: int) -> int | None:
    """When a process started, in ticks since boot, which with the pid names it for good; None if there is none."""
    text = _read(_PROC / str(pid) / "stat")
    # The second column is the program's name in brackets and may hold anything, spaces and brackets too.
    return int(text.rpartition(")")[2].split()[19]) if text else None


def describe() -> dict[str, Any]:
    """What machine a run was made on, for its manifest. No host name: result files get published."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": _meminfo("MemTotal"),
    }


def _own_groups() -> list[Path]:
    """The folders of this process' control group (version 2) and of those above it."""
    for line in (_read(_PROC / "self/cgroup") or "").splitlines():
        if line.startswith("0::"):
            own = _CGROUP / line.removeprefix("0::").strip().lstrip("/")
            return [own, *(parent for parent in own.parents if parent.is_relative_to(_CGROUP))]
    return []


def _quota_of(group: Path) -> float | None:
    words = (_read(group / "cpu.max") or "").split()
    if len(words) != 2 or words[0] == "max":  # noqa: PLR2004 - quota and period
        return None
    return int(words[0]) / int(words[1])


def _meminfo(name: str) -> int | None:
    for line in (_read(_PROC / "meminfo") or "").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * _KIB
    return None


def _cpu_model() -> str | None:
    for line in (_read(_PROC / "cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None


def _number(path: Path) -> int | None:
    text = (_read(path) or "").strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
