"""Compares what a run needs with what this machine allows, before the first request.

A load test that runs out of descriptors or ports measures its own client and blames the target. So a run that cannot
fit is refused, with what it needs, what there is, and the command that fixes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadcore.errors import LimitsError, Problem
from loadcore.machine.host import Limits, allowed_cores, read_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WORKER_DESCRIPTORS = 64
"""What a worker holds open besides its connections: pipes, result files, the timer, the resolver."""
SUPERVISOR_DESCRIPTORS = 32
DESCRIPTORS_PER_LINK = 4
TIME_WAIT_S = 60
"""For how long Linux keeps the port of a closed connection."""
REUSE_AFTER_S = 1
"""The same where `tcp_tw_reuse` lets new connections have it."""
WORKER_BYTES = 96 << 20
"""A worker without connections: Python, pyarrow, the engine, its row and window buffers."""
WORKER_TASKS = 12
"""A worker's process with its threads, and the supervisor's thread that listens to it. Seen: 8."""
WORKERS_PER_CORE = 4
"""More than that only take the core from one another: one worker keeps it busy."""
CONNECTION_BYTES = 16 << 10
"""A connection with its user: ours, and the kernel's socket with small buffers."""

_WIDEST = (1024, 65535)
"""Ports below are for servers that run as root."""
_REUSE_ALWAYS = 1
_REUSE_LOOPBACK = 2


@dataclass(frozen=True)
class Needs:
    """What a run needs."""

    connections: tuple[int, ...]
    """The most sockets each worker may hold open at once, to all targets together."""
    opened_per_s: float = 0.0
    """Connections opened and closed again per second by all workers, where the plan does not keep them."""
    loopback: bool = False
    """Whether every target is this machine."""
    kept_bodies: int = 0
    """Bytes of bodies that all users together may keep at once for checks and extracts."""
    opened_in_all: int | None = None
    """Connections opened in the whole run; None if that is not known beforehand, or most of them are kept."""
    may_allow_fewer: bool = False
    """Whether the number of users is a bound that may be lowered: an open model."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    needed: int | None
    have: int | float | None
    message: str
    """What there is and what is needed, in one sentence."""
    remedy: str | None = None
    """What to do, if it is not enough."""


def default_workers(users: int | None = None) -> int:
    """One worker for each core this process may use, but no more than there are users."""
    cores = max(1, math.floor(allowed_cores()))
    return cores if users is None else max(1, min(cores, users))


def require(needs: Needs, limits: Limits | None = None) -> list[Finding]:
    """Look at everything, and refuse the run if something is too low.

    Raises:
        LimitsError: With one problem for each limit that is too low.
    """
    findings = look(needs, limits or read_limits())
    problems = [Problem(finding.message, hint=finding.remedy) for finding in findings if not finding.ok]
    if problems:
        raise LimitsError(problems)
    return findings


def look(needs: Needs, limits: Limits) -> list[Finding]:
    """Hold the needs of a run against the limits, one finding for each."""
    return [
        look_at_workers(len(needs.connections), limits),
        _descriptors(needs, limits),
        look_at_ports(needs, limits),
        _memory(needs, limits),
        _processes(needs, limits),
    ]


def require_workers(workers: int, limits: Limits | None = None) -> list[Finding]:
    """Check that this machine can run the workers, before one of them starts.

    Raises:
        LimitsError: As of `require`.
    """
    limits = limits or read_limits()
    finding = look_at_workers(workers, limits)
    if not finding.ok:  # Their other needs are beyond all limits, and of no interest.
        raise LimitsError([Problem(finding.message, hint=finding.remedy)])
    return require(Needs((0,) * workers), limits)


def look_at_machine(limits: Limits) -> list[Finding]:
    """What is good to know of a machine whatever the run: cores, pressure, how it hands out ports."""
    from loadcore.judge.cores import PRESSURE_LIMIT  # noqa: PLC0415 - not needed for a run

    pressure = limits.cpu_pressure
    return [
        Finding("cores", ok=True, needed=None, have=limits.cores, message=f"{limits.cores:g} cores may be used"),
        Finding(
            "cpu pressure",
            ok=pressure is None or pressure < PRESSURE_LIMIT,
            needed=None,
            have=pressure,
            message="not known"
            if pressure is None
            else f"threads waited for a core in {pressure:.0f} % of the last 10 s",
            remedy="wait until the other programs are done, or the client may be the bottleneck",
        ),
        Finding(
            "port settings",
            ok=True,
            needed=None,
            have=None,
            message=f"net.ipv4.ip_local_port_range = {_known(limits.port_low)} {_known(limits.port_high)}, "
            f"net.ipv4.tcp_tw_reuse = {_known(limits.tcp_tw_reuse)}",
        ),
    ]


def ports_linger(limits: Limits, *, loopback: bool) -> bool:
    """Whether the port of a closed connection stays taken for `TIME_WAIT_S`, or is given out again after a second."""
    return limits.tcp_tw_reuse != _REUSE_ALWAYS and not (limits.tcp_tw_reuse == _REUSE_LOOPBACK and loopback)


def most_workers(limits: Limits) -> int:
    """The most workers that this machine carries by all its limits; 0 if it does not carry one."""
    most = [_most_by_cores(limits), (limits.files_hard - SUPERVISOR_DESCRIPTORS) // DESCRIPTORS_PER_LINK]
    if limits.memory_bytes is not None:
        most.append(limits.memory_bytes // WORKER_BYTES)
    if limits.processes is not None:
        most.append(limits.processes // WORKER_TASKS)
    return max(0, min(most))


def _most_by_cores(limits: Limits) -> int:
    return max(WORKERS_PER_CORE, math.ceil(WORKERS_PER_CORE * limits.cores))


def _fewer_workers(limits: Limits) -> str:
    most = most_workers(limits)
    return f"use `--workers {most}`" if most else "this machine cannot carry a single worker"


def look_at_workers(count: int, limits: Limits) -> Finding:
    """Hold a number of workers against the cores."""
    most = _most_by_cores(limits)
    cores = f"{limits.cores:g} core{'' if limits.cores == 1 else 's'}"
    message = f"workers: {count:,} on {cores}, where more than {most:,} only slow each other down"
    remedy = f"{_fewer_workers(limits)}, or omit the option for one worker per core"
    return Finding("workers", count <= most, count, most, message, remedy)


def _processes(needs: Needs, limits: Limits) -> Finding:
    needed, have = WORKER_TASKS * len(needs.connections), limits.processes
    free = "?" if have is None else f"{have:,}"
    message = f"processes and threads: the run needs about {needed:,}, {free} more can be started"
    raised = "raise the limit (`ulimit -u`, pids.max of the control group, `--pids-limit` of a container)"
    fewer = f"{_fewer_workers(limits)}, or " if most_workers(limits) else ""
    return Finding("processes", have is None or needed <= have, needed, have, message, fewer + raised)


def _descriptors(needs: Needs, limits: Limits) -> Finding:
    worker = max(needs.connections, default=0) + WORKER_DESCRIPTORS
    supervisor = SUPERVISOR_DESCRIPTORS + DESCRIPTORS_PER_LINK * len(needs.connections)
    needed, have = max(worker, supervisor), limits.files_hard
    raised = f"`ulimit -Hn {needed} && ulimit -n {needed}` (as root), or `LimitNOFILE={needed}` in a systemd unit"
    remedies = [f"raise the limit and start again: {raised}"]
    if supervisor > have:
        remedies.append(f"or {_fewer_workers(limits)}")
    room = have - WORKER_DESCRIPTORS
    if room > 0:
        workers = math.ceil(sum(needs.connections) / room)
        if len(needs.connections) < workers <= most_workers(limits):
            remedies.append(f"or share the load among more processes: `--workers {workers}`")
        if worker > have:
            remedies.append(f"or ask for at most {room * len(needs.connections)} connections")
            if needs.may_allow_fewer:
                remedies.append("or allow fewer users (`max_users`, `--max-users`)")
    who = "a worker" if worker >= supervisor else "the supervisor"
    message = f"open files: {who} needs {needed:,}, the limit is {have:,} (soft and hard)"
    return Finding("open files", needed <= have, needed, have, message, "; ".join(remedies))


def look_at_ports(needs: Needs, limits: Limits, who: str = "the run", whom: str = "target") -> Finding:
    """Compare the ports needed towards one address with the range that the kernel hands out.

    Args:
        needs: Connections that are held and opened.
        limits: What this machine allows.
        who: Who opens them, for the message.
        whom: What they lead to.
    """
    have = limits.local_ports
    lingering_s = TIME_WAIT_S if ports_linger(limits, loopback=needs.loopback) else REUSE_AFTER_S
    needed = _ports(needs, lingering_s)
    message = f"local ports: {who} needs {needed:,} towards one {whom}, and has {'?' if have is None else f'{have:,}'}"
    if needs.opened_per_s:
        message += f" ({needs.opened_per_s:,g} connections/s, each port stays in use for {lingering_s} s)"
    is_enough = have is None or needed <= have
    return Finding("local ports", is_enough, needed, have, message, None if is_enough else _more_ports(needs, limits))


def _ports(needs: Needs, lingering_s: float) -> int:
    """Ports that are taken at once: those of connections that are open, and of those that were closed just now.

    A run has no more of them than it opens connections.
    """
    taken = sum(needs.connections) + math.ceil(needs.opened_per_s * lingering_s)
    return taken if needs.opened_in_all is None else min(taken, needs.opened_in_all)


def _more_ports(needs: Needs, limits: Limits) -> str:
    """What is enough: the wide range, ports that are given out again, or more addresses."""
    held = sum(needs.connections)
    widen = f"`sysctl -w net.ipv4.ip_local_port_range='{_WIDEST[0]} {_WIDEST[1]}'`"
    reuse = "`sysctl -w net.ipv4.tcp_tw_reuse=1`"
    widest = _WIDEST[1] - _WIDEST[0] + 1
    lingering = bool(needs.opened_per_s) and ports_linger(limits, loopback=needs.loopback)
    with_reuse = _ports(needs, REUSE_AFTER_S)
    needed = _ports(needs, TIME_WAIT_S if lingering else REUSE_AFTER_S)
    ways = []
    if needed <= widest:
        ways.append(f"widen the range: {widen}")
    if lingering and with_reuse <= (limits.local_ports or 0):
        ways.append(f"reuse the ports of closed connections after {REUSE_AFTER_S} s: {reuse}")
    elif lingering and with_reuse <= widest < needed:
        ways.append(f"widen the range and reuse the ports of closed connections: {widen} and {reuse}")
    if needs.opened_per_s and held <= (limits.local_ports or 0):
        ways.append("keep connections open")
    if not ways:
        addresses = math.ceil(min(needed, with_reuse) / widest)
        ways.append(
            f"one address has at most {widest:,} ports towards another: spread the load over {addresses} target "
            f"addresses or {addresses} machines, and widen the range: {widen}"
        )
    return "; or ".join(ways)


def _memory(needs: Needs, limits: Limits) -> Finding:
    without_bodies = WORKER_BYTES * len(needs.connections) + CONNECTION_BYTES * sum(needs.connections)
    needed = without_bodies + needs.kept_bodies
    have = limits.memory_bytes
    free = "?" if have is None else f"{have >> 20:,}"
    message = f"memory: the run needs about {needed >> 20:,} MiB, {free} MiB are free"
    if needs.kept_bodies >= 1 << 20:
        message += f" ({needs.kept_bodies >> 20:,} MiB of it for bodies that checks and extracts read)"
    less = _fewer_workers(limits) if len(needs.connections) > most_workers(limits) else "ask for fewer users"
    if have is not None and without_bodies <= have:
        less = "lower Limits(kept_body=…), or ask for fewer users"
    remedy = f"{less}, or free memory"
    return Finding("memory", have is None or needed <= have, needed, have, message, remedy)


def _known(value: int | None) -> str:
    return "?" if value is None else str(value)


def failed(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Those that are too low."""
    return [finding for finding in findings if not finding.ok]
