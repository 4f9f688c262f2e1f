"""Meters of a target whose processes are not looked at: its control group, or the metrics that it publishes itself."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from loadcore.machine.kernel_files import number_in, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("unified", "cpu,cpuacct", "cpuacct", "cpu")
_PERIOD_S = 1.0
_TIMEOUT_S = 2.0
_LARGEST = 8 << 20
_NS = 1e9


class Meter(Protocol):
    """Says what a target has used since the last look."""

    def look(self) -> dict[str, Any]:
        """Columns of `schema.OF_MACHINE`; empty if nothing is known."""


class GroupMeter:
    """A control group, of version 1 or 2, by its path."""

    def __init__(self, path: str) -> None:
        self._folders = group_folders(path)
        self._before: tuple[int, int] | None = None

    def look(self) -> dict[str, Any]:
        """See `Meter`."""
        used = _group_used(self._folders)
        before, self._before = self._before, used
        if used is None or before is None:
            return {}
        return {
            "target_program": self._folders[0].name,
            "target_cpu_ns": max(0, used[0] - before[0]),
            "target_throttled_ns": max(0, used[1] - before[1]),
            "target_cores": _group_cores(self._folders),
        }


def group_folders(path: str) -> list[Path]:
    """Where the files of a control group are: version 1 may keep what is used and what is allowed apart.

    Args:
        path: Of the group, as `/proc/PID/cgroup` names it, or of its folder.

    Raises:
        ValueError: There is no such group.
    """
    given, below = Path(path), path.removeprefix(str(_GROUPS)).strip("/")
    for controller in _CONTROLLERS:
        below = below.removeprefix(f"{controller}/")
    found = [given, *(_GROUPS / controller / below for controller in ("", *_CONTROLLERS))]
    folders = [folder for folder in dict.fromkeys(found) if folder.is_absolute() and folder.is_dir()]
    if _group_used(folders) is None:
        raise ValueError(f'"{path}" is not a control group with CPU accounting: write a path below {_GROUPS}')
    return folders


def _group_used(folders: Sequence[Path]) -> tuple[int, int] | None:
    """CPU that a group has used, and the time for which its quota stopped it, in nanoseconds."""
    lines = [line.split() for folder in folders for line in (text_of(folder / "cpu.stat") or "").splitlines()]
    counts = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}  # noqa: PLR2004
    if "usage_usec" in counts:
        return counts["usage_usec"] * 1_000, counts.get("throttled_usec", 0) * 1_000
    used = _number(folders, "cpuacct.usage")
    return None if used is None else (used, counts.get("throttled_time", 0))


def _group_cores(folders: Sequence[Path]) -> float:
    for folder in folders:
        words = (text_of(folder / "cpu.max") or "").split()
        if words and words[0].isdigit():
            return int(words[0]) / int(words[1])
    quota, period = _number(folders, "cpu.cfs_quota_us"), _number(folders, "cpu.cfs_period_us")
    return quota / period if quota and period else float(os.cpu_count() or 1)


def _number(folders: Sequence[Path], name: str) -> int | None:
    numbers = (number_in(folder / name) for folder in folders)
    return next((number for number in numbers if number is not None), None)


@dataclass(frozen=True)
class _Reading:
    """What metrics said at one moment."""

    at_ns: int
    cpu_s: float | None = None
    """Since the processes began."""
    cores: float | None = None
    """In use now: the answer to a query."""
    open_fds: float | None = None
    fd_limit: float | None = None


class MetricsMeter:
    """Metrics in Prometheus' text format, or the answer to a query of Prometheus, asked for once a second.

    A thread of its own asks, so that a slow answer holds up nothing.
    """

    def __init__(self, url: str, fetch: Callable[[str], bytes] | None = None) -> None:
        self._url = url
        self._fetch = fetch or _fetch
        self._latest: _Reading | None = None
        self._before: _Reading | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._ask_for_ever, name="loadcore-metrics", daemon=True).start()

    def look(self) -> dict[str, Any]:
        """See `Meter`."""
        now, before = self._latest, self._before
        if now is None or now is before:
            return {}
        self._before = now
        values: dict[str, Any] = {}
        if now.cores is not None:
            values = {"wall_ns": int(_NS), "target_cpu_ns": int(now.cores * _NS)}
        elif before is not None and before.cpu_s is not None and now.cpu_s is not None and now.cpu_s >= before.cpu_s:
            values = {"wall_ns": now.at_ns - before.at_ns, "target_cpu_ns": int((now.cpu_s - before.cpu_s) * _NS)}
        if now.open_fds is not None and now.fd_limit is not None:
            values |= {"target_open_fds": int(now.open_fds), "target_fd_limit": int(min(now.fd_limit, 2**31 - 1))}
        return values

    def close(self) -> None:
        """Ask no more."""
        self._is_over.set()

    def _ask_for_ever(self) -> None:
        while not self._is_over.is_set():
            began = time.monotonic()
            try:
                self._latest = read_metrics(self._fetch(self._url))
            except (OSError, ValueError):
                self._latest = None
            self._is_over.wait(max(0.05, _PERIOD_S - (time.monotonic() - began)))


def check_metrics(url: str, fetch: Callable[[str], bytes] | None = None) -> None:
    """Ask once.

    Raises:
        ValueError: It is not an address, there is no response, or the response says nothing about CPU.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://, such as http://127.0.0.1:9100/metrics")
    try:
        read_metrics((fetch or _fetch)(url))
    except OSError as problem:
        raise ValueError(f"it cannot be read: {getattr(problem, 'reason', problem)}") from None


def read_metrics(body: bytes) -> _Reading:
    """What an answer says of CPU and descriptors, added up over all processes.

    Raises:
        ValueError: It is neither metrics nor the answer to a query.
    """
    text = body.decode("utf-8", "replace")
    now_ns = time.monotonic_ns()
    if text.lstrip().startswith("{"):
        return _Reading(now_ns, cores=_answer(text))
    sums: dict[str, float] = {}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name.startswith("process_") and (number := _last_number(line)) is not None:
            sums[name] = sums.get(name, 0.0) + number
    if "process_cpu_seconds_total" not in sums:
        raise ValueError("process_cpu_seconds_total is missing")
    return _Reading(
        now_ns, sums["process_cpu_seconds_total"], None, sums.get("process_open_fds"), sums.get("process_max_fds")
    )


def _answer(text: str) -> float:
    """The sum of an instant query's answer, which counts cores: `sum(rate(container_cpu_usage_seconds_total[10s]))`."""
    try:
        data = json.loads(text)["data"]
        results = [data["result"]] if data["resultType"] == "scalar" else [each["value"] for each in data["result"]]
        return sum(float(value) for _, value in results)
    except (KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"it is not the result of an instant query: {problem}") from problem


def _last_number(line: str) -> float | None:
    """The value of a sample: what follows the labels, before a timestamp."""
    rest = line.rpartition("}")[2] if "}" in line else line.partition(" ")[2]
    words = rest.split()
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return None


def _fetch(url: str) -> bytes:
    import urllib.request  # noqa: PLC0415 - takes its time, and only this needs it

    # The scheme has been checked where the option was read.
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        content: bytes = answer.read(_LARGEST)
    return content
