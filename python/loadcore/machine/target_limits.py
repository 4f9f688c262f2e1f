"""Compares what a target on this machine needs for a load with what the machine allows.

None of it refuses a run: a target that is too small is what load tests are there to find. But who looks for the limit
of a program should not find that of a setting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadcore.machine.client_limits import WORKER_DESCRIPTORS, Finding, Needs, look_at_ports

if TYPE_CHECKING:
    from loadcore.machine.host import Limits

BUSY_S = 1
"""A target that accepts nothing for this time is busy; what comes meanwhile has to find room in its queues."""


@dataclass(frozen=True)
class Serving:
    """What a target has to stand."""

    connections: int
    """Connections at once: one for each user."""
    opened_per_s: float = 0.0
    """Connections opened and closed again per second."""
    pid: int | None = None
    """A target that runs; None for one that is yet to be started from here."""
    open_files: int | None = None
    """The limit of the one that runs."""


def look_as_target(serving: Serving, limits: Limits) -> list[Finding]:
    """Hold the needs of a target against the limits, one finding for each.

    The queues are compared with the worst case: all users connect in the same moment.
    """
    at_once = max(serving.connections, math.ceil(serving.opened_per_s * BUSY_S))
    return [
        _descriptors(serving, limits),
        _queue("accept queue", limits.somaxconn, "net.core.somaxconn", at_once),
        _queue("handshake queue", limits.tcp_max_syn_backlog, "net.ipv4.tcp_max_syn_backlog", at_once),
        look_at_ports(
            Needs((serving.connections,), serving.opened_per_s),
            limits,
            "a target that opens a connection to another service for each of its own",
            "service",
        ),
    ]


def _descriptors(serving: Serving, limits: Limits) -> Finding:
    own = serving.connections + WORKER_DESCRIPTORS
    needed = own + serving.connections
    have = limits.files_soft if serving.open_files is None else serving.open_files
    whose = "processes started here may open" if serving.open_files is None else "this one may open"
    message = (
        f"open files: a target needs {own:,}, and {needed:,} if it calls another service for each request; "
        f"{whose} {have:,}"
    )
    if serving.open_files is None:
        remedy = f"`ulimit -n {needed}` before it is started, or `LimitNOFILE={needed}` in its systemd unit"
    else:
        now = f"`prlimit --pid {serving.pid} --nofile={needed}`"
        remedy = f"{now} (as root, above its hard limit), or start it with a higher one"
    return Finding("open files", needed <= have, needed, have, message, remedy)


def _queue(name: str, have: int | None, setting: str, needed: int) -> Finding:
    if have is None:
        return Finding(name, ok=True, needed=needed, have=None, message=f"{setting} is unknown")
    message = f"{setting} = {have}: simultaneous connections need {needed:,}"
    remedy = f"`sysctl -w {setting}={needed}`"
    if name == "accept queue":
        remedy += f", and a server that requests as much (uvicorn: `--backlog {needed}`)"
    return Finding(name, have >= needed, needed, have, message, remedy)
