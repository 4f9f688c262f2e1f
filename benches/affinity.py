"""Where processes run, and how many files they may open."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from benches import tools

if TYPE_CHECKING:
    from collections.abc import Sequence


def cores() -> list[int]:
    """Cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def client_core() -> int:
    """The core for clients: the first."""
    return cores()[0]


def server_core() -> int:
    """The core for targets: the last, which is the clients' own on a machine with one."""
    return cores()[-1]


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """The command that runs another on one core, or the same command if it may run anywhere."""
    return list(command) if core is None else [tools.find("taskset"), "--cpu-list", str(core), *command]


def allow_many_files() -> None:
    """Lets this process and its children open as many files as the system's administrator allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
