"""Clusters on loopback addresses, started as a user starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.process_tree import load_processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psutil

_ROOT = Path(__file__).parent.parent.parent
WITHIN_S = 60.0


@dataclass
class OnLoopback:
    """A scheduler and nodes, each a process of its own."""

    address: str
    scheduler: subprocess.Popen[bytes]
    folder: Path
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def load_processes(self) -> list[psutil.Process]:
        """The processes that nodes have started."""
        return [process for node in self.nodes for process in load_processes(node.pid)]


def loadcore(arguments: Sequence[str], folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Starts a command in a folder; its output goes to a file there."""
    with (folder / f"{arguments[1]}-{time.monotonic_ns()}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "loadcore", *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "LOADCORE_CACHE": str(folder / "cache"), **environment},
        )


@contextmanager
def cluster_of(nodes: int, folder: Path, options: Sequence[str] = (), scheme: str = "tcp") -> Iterator[OnLoopback]:
    """A scheduler on 127.0.0.1 and nodes on 127.0.0.2 and following, until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with ExitStack() as stack:
        scheduler = loadcore(["cluster", "scheduler", "--port", str(port), *options], folder)
        stack.callback(_end, scheduler)
        cluster = OnLoopback(f"{scheme}://127.0.0.1:{port}", scheduler, folder)
        _wait_for(port, scheduler)
        for number in range(nodes):
            host = f"127.0.0.{number + 2}"
            node = loadcore(["cluster", "worker", cluster.address, "--own-address", host, *options], folder)
            stack.callback(_end, node)
            cluster.nodes.append(node)
        yield cluster


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the scheduler has ended"
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("no scheduler")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, also one that is stopped."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
