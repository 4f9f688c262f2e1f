"""Seconds of a run, as the rules about the client see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSecond:
    """One second of one worker. None: not known."""

    second: int
    worker: int
    cpu_ratio: float | None = None
    """CPU time of the engine thread, of one core."""
    core_wait_ratio: float | None = None
    """Share of the time in which the engine thread was ready to run and had no core."""
    python_ratio: float | None = None
    """CPU time of the worker's other threads, of one core: where users are scripted, of their code."""
    open_fds: int | None = None
    fd_limit: int | None = None
    pressure: float | None = None
    steal: float | None = None


@dataclass(frozen=True)
class MachineSecond:
    """One second of the machine, as the supervisor saw it."""

    second: int
    wall_s: float
    foreign_cores: float
    """Cores that other programs used."""
    cores: float
    """Cores that the client may run on, whose use by other programs that is."""
    client_cores: float | None = None
    """Cores that all processes of the client used, with all their threads."""
    usable_cores: float | None = None
    """Cores that they may use, by affinity and quota."""
    stopped_s: float = 0.0
    """For how long a quota of a control group stopped them."""
