"""What a node says of itself before it gets a share, and what makes it unfit for a run."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from loadcore.engine import engine_version
from loadcore.machine.host import allowed_cores, available_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_FREE_BYTES = 64 << 20
"""Free disk that a node must have for rows."""


class NodeFacts(NamedTuple):
    """A node."""

    loadcore: str
    python: str
    architecture: str
    machine: str
    """The machine by its boot and its network: two nodes of one would double its load."""
    cores: float
    memory_bytes: int | None
    file_limit: int
    free_bytes: int
    busy_with: str | None = None
    """The run that it works on."""
    missing: Sequence[str] = ()
    """Environment variables that the plan asks for and the node has not."""


def facts_of_this_node(cache: Path, busy_with: str | None = None, asked: Sequence[str] = ()) -> NodeFacts:
    """What this machine says of itself. `asked` are environment variables that a plan needs."""
    return NodeFacts(
        loadcore=engine_version,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        architecture=platform.machine(),
        machine=_machine(),
        cores=allowed_cores(),
        memory_bytes=available_memory(),
        file_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        free_bytes=shutil.disk_usage(cache).free,
        busy_with=busy_with,
        missing=[name for name in asked if name not in os.environ],
    )


def misfits(driver: NodeFacts, node: Mapping[str, Any]) -> list[str]:
    """Why a node cannot take part, one sentence for each reason."""
    named = {"loadcore": "loadcore", "python": "Python", "architecture": "the architecture"}
    found = [
        f"has {word} {node.get(name)}, this machine has {getattr(driver, name)}"
        for name, word in named.items()
        if node.get(name) != getattr(driver, name)
    ]
    free = int(node.get("free_bytes") or 0)
    if free < LEAST_FREE_BYTES:
        found.append(f"has {free >> 20} MiB of free disk; rows need {LEAST_FREE_BYTES >> 20} MiB")
    if node.get("busy_with"):
        found.append(f"works on the run {node['busy_with']}")
    return found


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/net').stat().st_ino}"
    except OSError:
        return platform.node()
