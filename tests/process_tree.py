"""Processes below another one, any of which may end while it is looked at."""

from __future__ import annotations

from contextlib import suppress

import psutil


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it; empty once it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs. One that has ended and was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def load_processes(pid: int) -> list[psutil.Process]:
    """Those below it that make the load."""
    return [process for process in tree(pid) if is_alive(process) and _makes_load(process)]


def _makes_load(process: psutil.Process) -> bool:
    try:
        return any("worker_boot" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """Kills a process and all below it, children first."""
    for process in reversed(tree(pid)):
        with suppress(psutil.NoSuchProcess):
            process.kill()
