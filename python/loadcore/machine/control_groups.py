"""What the control groups of this process allow it: containers, systemd slices, batch systems. Versions 1 and 2.

A group above the own one limits as well, so the least of all counts. Version 1 has a hierarchy for each controller,
version 2 has one for all; a machine may have both at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loadcore.machine.kernel_files import number_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
MOUNTED_AT = Path("/sys/fs/cgroup")


def allowed_cores(pid: int | Literal["self"] = "self") -> float | None:
    """Cores that the quotas leave to a process; None without a quota."""
    quotas = [_quota_in(group) for group in _groups("cpu", pid)]
    return min((each for each in quotas if each is not None), default=None)


def stopped_ns() -> dict[Path, int]:
    """For how long the quota of each of this process' groups has stopped it so far."""
    found = {group: _stopped_in(group) for group in _groups("cpu")}
    return {group: stopped for group, stopped in found.items() if stopped is not None}


def free_memory() -> int | None:
    """Bytes that may still be taken, in the group that has the fewest; None without a limit."""
    free = [_memory_left(group) for group in _groups("memory")]
    return min((each for each in free if each is not None), default=None)


def free_processes() -> int | None:
    """Processes and threads that may still be started, in the group that has the fewest; None without a limit."""
    free = [_left(number_in(group / "pids.max"), number_in(group / "pids.current")) for group in _groups("pids")]
    return min((each for each in free if each is not None), default=None)


def _groups(controller: str, pid: int | Literal["self"] = "self") -> Iterator[Path]:
    """The folders of a process' groups that may limit something, each followed by those above it."""
    for line in (text_of(PROC / str(pid) / "cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root = MOUNTED_AT
        elif controller in controllers.split(","):
            root = MOUNTED_AT / controller
        else:
            continue
        own = root / path.strip().lstrip("/")
        # In a container the path may be one of the host, which is not there: the root then is the own group.
        yield from (own, *(parent for parent in own.parents if parent.is_relative_to(root)))


def _quota_in(group: Path) -> float | None:
    words = (text_of(group / "cpu.max") or "").split()
    if len(words) == 2 and words[0].isdigit():  # noqa: PLR2004 - quota and period
        return int(words[0]) / int(words[1])
    quota, period = number_in(group / "cpu.cfs_quota_us"), number_in(group / "cpu.cfs_period_us")
    return quota / period if quota and period else None


def _stopped_in(group: Path) -> int | None:
    words = dict(line.split()[:2] for line in (text_of(group / "cpu.stat") or "").splitlines() if " " in line)
    if "throttled_usec" in words:
        return int(words["throttled_usec"]) * 1_000
    return int(words["throttled_time"]) if "throttled_time" in words else None


def _memory_left(group: Path) -> int | None:
    limit, used, old = "memory.max", "memory.current", "inactive_file"
    if not (group / limit).exists():
        limit, used, old = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    left = _left(number_in(group / limit), number_in(group / used))
    # Files that were read long ago are counted as used, and make room when a program needs it.
    return None if left is None else left + _entry(group / "memory.stat", old)


def _left(most: int | None, used: int | None) -> int | None:
    return max(0, most - used) if most is not None and used is not None else None


def _entry(path: Path, name: str) -> int:
    for line in (text_of(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0
