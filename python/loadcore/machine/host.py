"""This machine, as the kernel tells about it: cores, memory, limits, who else uses it. Reads, changes nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.machine import control_groups
from loadcore.machine.kernel_files import number_in, text_of

if TYPE_CHECKING:
    from collections.abc import Collection

_PROC = Path("/proc")
_NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_BUSY_COLUMNS = (0, 1, 2, 5, 6)
"""Of a line `cpu0` in /proc/stat: user, nice, system, irq, softirq."""
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
    processes: int | None
    """Processes and threads that may still be started."""
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
    ports = (text_of(_PROC / "sys/net/ipv4/ip_local_port_range") or "").split()
    low, high = (int(ports[0]), int(ports[1])) if len(ports) == 2 else (None, None)  # noqa: PLR2004 - low and high
    return Limits(
        files_soft=soft,
        files_hard=hard,
        port_low=low,
        port_high=high,
        tcp_tw_reuse=number_in(_PROC / "sys/net/ipv4/tcp_tw_reuse"),
        somaxconn=number_in(_PROC / "sys/net/core/somaxconn"),
        tcp_max_syn_backlog=number_in(_PROC / "sys/net/ipv4/tcp_max_syn_backlog"),
        memory_bytes=available_memory(),
        processes=free_processes(),
        cores=allowed_cores(),
        cpu_pressure=cpu_pressure(),
    )


def open_files_of(pid: int) -> int | None:
    """The soft limit of open files of a process that runs; None if there is none, or it is not ours to see."""
    for line in (text_of(_PROC / str(pid) / "limits") or "").splitlines():
        if line.startswith("Max open files"):
            soft = line.removeprefix("Max open files").split()[0]
            return int(soft) if soft.isdigit() else sys.maxsize
    return None


def allowed_cores() -> float:
    """Cores that this process may use at once, by its affinity and the quotas of its control groups."""
    cores = float(len(os.sched_getaffinity(0)))
    quota = control_groups.allowed_cores()
    return cores if quota is None else min(cores, quota)


def available_memory() -> int | None:
    """Bytes that can be had without swapping, of the machine or of the control group, whichever has less."""
    return _least(_meminfo("MemAvailable"), control_groups.free_memory())


def free_bytes(place: Path) -> int | None:
    """Bytes that may be written at a place, which need not exist yet; None if that is not known."""
    for folder in (place.absolute(), *place.absolute().parents):
        try:
            facts = os.statvfs(folder)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return facts.f_bavail * facts.f_frsize
    return None


def free_processes() -> int | None:
    """Processes and threads that this user may still start, by the limits of user, control group and kernel."""
    most = number_in(_PROC / "sys/kernel/threads-max")
    _, _, running = (text_of(_PROC / "loadavg") or "").partition("/")
    running = running.partition(" ")[0]
    of_kernel = max(0, most - int(running)) if most is not None and running.isdigit() else None
    return _least(of_kernel, control_groups.free_processes(), _free_processes_of_user())


def cpu_pressure() -> float | None:
    """Percent of the last 10 s in which some thread waited for a core; None where the kernel does not count it."""
    for word in (text_of(_PROC / "pressure/cpu") or "").split():
        if word.startswith("avg10="):
            return float(word.removeprefix("avg10="))
    return None


def busy_ns(cores: Collection[int]) -> int | None:
    """CPU time that all programs together have used since the machine started, on these cores; None if not known."""
    names = {f"cpu{core}" for core in cores}
    ticks: list[int] = []
    for line in (text_of(_PROC / "stat") or "").splitlines():
        name, *columns = line.split()
        if name in names and len(columns) > max(_BUSY_COLUMNS):
            ticks += [int(columns[place]) for place in _BUSY_COLUMNS]
    return sum(ticks) * _NS_PER_TICK if ticks else None


def process_cpu_ns(pid: int) -> int | None:
    """CPU time that all threads of a process have used, also of one that has ended and was not waited for."""
    text = text_of(_PROC / str(pid) / "stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _NS_PER_TICK


def started_ticks(pid: int) -> int | None:
    """When a process started, in ticks since boot, which with the pid names it for good; None if there is none."""
    text = text_of(_PROC / str(pid) / "stat")
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
        "client_cores": len(os.sched_getaffinity(0)),
        "memory_bytes": _meminfo("MemTotal"),
    }


def _free_processes_of_user() -> int | None:
    """What `ulimit -u` leaves. The administrator is not bound by it."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    user = os.geteuid()
    if limit == resource.RLIM_INFINITY or user == 0:
        return None
    running = 0
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # It ended meanwhile.
            if process.stat().st_uid == user:
                running += sum(1 for _ in (process / "task").iterdir())
    return max(0, limit - running)


def _least(*known: int | None) -> int | None:
    return min((each for each in known if each is not None), default=None)


def _meminfo(name: str) -> int | None:
    for line in (text_of(_PROC / "meminfo") or "").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * _KIB
    return None


def _cpu_model() -> str | None:
    for line in (text_of(_PROC / "cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None
