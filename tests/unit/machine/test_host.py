"""What the kernel tells about this machine."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from loadcore.machine import control_groups, host

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty folders in place of /proc and /sys/fs/cgroup; `put` fills them."""
    monkeypatch.setattr(host, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(control_groups, "PROC", tmp_path / "proc")
    monkeypatch.setattr(control_groups, "MOUNTED_AT", tmp_path / "cgroup")
    return tmp_path


def put(root: Path, **files: str) -> None:
    """Write files; `__` in a name stands for `/`."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_cores_are_the_least_of_affinity_and_all_quotas(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control group above the own one limits as well; `max` does not limit."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    put(kernel, proc__self__cgroup="0::/pod/app\n")
    assert host.allowed_cores() == 8.0
    (kernel / "cgroup/pod/app").mkdir(parents=True)
    (kernel / "cgroup/pod/app/cpu.max").write_text("max 100000\n")
    (kernel / "cgroup/pod/cpu.max").write_text("250000 100000\n")
    assert host.allowed_cores() == 2.5
    (kernel / "cgroup/pod/app/cpu.max").write_text("50000 100000\n")
    assert host.allowed_cores() == 0.5


def test_memory_is_the_least_of_machine_and_group(kernel: Path) -> None:
    """What the group may still take counts where it is less than what the machine has."""
    put(kernel, proc__meminfo="MemTotal: 4000 kB\nMemAvailable: 2000 kB\n", proc__self__cgroup="0::/app\n")
    assert host.available_memory() == 2000 * 1024
    put(kernel, cgroup__app__placeholder="")
    (kernel / "cgroup/app/memory.max").write_text("1000000\n")
    (kernel / "cgroup/app/memory.current").write_text("900000\n")
    assert host.available_memory() == 100_000


def test_a_group_of_version_1_limits_as_well(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, cores and processes; the path of a container's host is not there, and its root counts."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    groups = "9:name=systemd:/\n8:pids:/docker/ab\n4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n0::/\n"
    put(kernel, proc__meminfo="MemAvailable: 2000 kB\n", proc__self__cgroup=groups)
    put(kernel, cgroup__memory__docker__ab__placeholder="", cgroup__pids__placeholder="", cgroup__cpu__placeholder="")
    (kernel / "cgroup/memory/docker/ab/memory.limit_in_bytes").write_text("1000000\n")
    (kernel / "cgroup/memory/docker/ab/memory.usage_in_bytes").write_text("900000\n")
    (kernel / "cgroup/memory/docker/ab/memory.stat").write_text("cache 5\ntotal_inactive_file 300000\n")
    (kernel / "cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (kernel / "cgroup/memory/memory.usage_in_bytes").write_text("5\n")
    (kernel / "cgroup/pids/pids.max").write_text("100\n")
    (kernel / "cgroup/pids/pids.current").write_text("60\n")
    (kernel / "cgroup/cpu/cpu.cfs_quota_us").write_text("150000\n")
    (kernel / "cgroup/cpu/cpu.cfs_period_us").write_text("100000\n")

    # Files that the group has read make room when it needs some.
    assert host.available_memory() == 400_000
    assert host.allowed_cores() == 1.5
    assert control_groups.free_processes() == 40


def test_time_stopped_by_a_quota_is_known_of_the_group_and_those_above(kernel: Path) -> None:
    """Version 1 counts nanoseconds, version 2 microseconds; a group without a quota may have no count."""
    put(kernel, proc__self__cgroup="2:cpu,cpuacct:/docker/ab\n0::/user/x\n")
    put(kernel, cgroup__cpu__docker__ab__placeholder="", cgroup__user__x__placeholder="")
    own, above, other = kernel / "cgroup/cpu/docker/ab", kernel / "cgroup/cpu", kernel / "cgroup/user/x"
    (own / "cpu.stat").write_text("nr_periods 80\nnr_throttled 61\nthrottled_time 6100000000\n")
    (above / "cpu.stat").write_text("nr_periods 0\n")
    (other / "cpu.stat").write_text("usage_usec 5\nnr_throttled 2\nthrottled_usec 2500\n")

    assert control_groups.stopped_ns() == {own: 6_100_000_000, other: 2_500_000}


def test_the_cpu_time_of_a_process_is_read(kernel: Path) -> None:
    """User and system time, behind a program name that may hold anything."""
    put(kernel, proc__77__stat="77 (a) b (c) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 100 0 0\n")

    assert host.process_cpu_ns(77) == 300 * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert host.process_cpu_ns(78) is None


def test_unlimited_groups_do_not_limit(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-1`, `max` and the greatest number there is mean that there is no limit."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    put(kernel, proc__meminfo="MemAvailable: 2000 kB\n", proc__self__cgroup="4:memory:/\n2:cpu:/\n8:pids:/\n")
    put(kernel, cgroup__memory__placeholder="", cgroup__pids__placeholder="", cgroup__cpu__placeholder="")
    (kernel / "cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (kernel / "cgroup/memory/memory.usage_in_bytes").write_text("5\n")
    (kernel / "cgroup/pids/pids.max").write_text("max\n")
    (kernel / "cgroup/cpu/cpu.cfs_quota_us").write_text("-1\n")
    (kernel / "cgroup/cpu/cpu.cfs_period_us").write_text("100000\n")

    assert host.available_memory() == 2000 * 1024
    assert host.allowed_cores() == 8.0
    assert control_groups.free_processes() is None


def test_processes_that_may_be_started_are_known(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's own limit counts, and that of the user, who may not be the administrator."""
    (kernel / "proc/sys/kernel").mkdir(parents=True)
    (kernel / "proc/sys/kernel/threads-max").write_text("1000\n")
    put(kernel, proc__loadavg="0.1 0.1 0.1 2/300 77\n")
    assert host.free_processes() == 700
    for thread in ("1", "2", "3"):
        (kernel / "proc/77/task" / thread).mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: (kernel / "proc/77").stat().st_uid or 4711)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (100, 100))
    mine = 3 if (kernel / "proc/77").stat().st_uid else 0
    assert host.free_processes() == 100 - mine


def test_a_kernel_that_says_nothing_is_not_known(kernel: Path) -> None:
    """Without the files everything is unknown, and nothing fails."""
    limits = host.read_limits()

    assert (limits.local_ports, limits.tcp_tw_reuse, limits.memory_bytes, limits.cpu_pressure) == (None,) * 4
    assert host.busy_ns({0}) is None
    assert not list(kernel.iterdir())


@pytest.mark.parametrize(("cores", "ticks"), [({0, 1}, 170), ({0}, 30), ({7}, None)])
def test_busy_time_counts_work_and_not_waiting(kernel: Path, cores: set[int], ticks: int | None) -> None:
    """User, nice, system and interrupts are work; idle, iowait and steal are not. Only the cores asked for count."""
    all_cores, first = "cpu  100 10 50 9999 8888 4 6 7777 0 0", "cpu0 10 0 10 99 88 4 6 77 0 0"
    put(kernel, proc__stat=f"{all_cores}\n{first}\ncpu1 90 10 40 9900 8800 0 0 7700 0 0\nctxt 7\n")

    assert host.busy_ns(cores) == (None if ticks is None else ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def test_a_process_is_named_by_pid_and_start(kernel: Path) -> None:
    """The start time is found behind a program name with spaces and brackets."""
    fields = " ".join(str(number) for number in range(3, 50))
    put(kernel, proc__77__stat=f"77 (a) b (c) {fields}\n")

    assert host.started_ticks(77) == 22
    assert host.started_ticks(78) is None


def test_this_machine_can_be_read() -> None:
    """On Linux everything that preflight relies on is known."""
    limits = host.read_limits()

    assert limits.cores > 0
    assert limits.local_ports is not None
    assert limits.memory_bytes is not None
    assert host.busy_ns(os.sched_getaffinity(0)) is not None
    assert host.started_ticks(os.getpid()) is not None
    assert host.describe()["cores"] == os.cpu_count()
    assert host.describe()["client_cores"] == len(os.sched_getaffinity(0))


def test_a_description_names_no_host() -> None:
    """Result files get published: they do not say what a machine is called."""
    assert os.uname().nodename not in str(host.describe())
