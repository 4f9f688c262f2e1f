"""Clusters on loopback addresses, started as a user starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.process_tree import load_processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psutil

ROOT = Path(__file__).parent.parent.parent
WITHIN_S = 120.0


@dataclass
class OnLoopback:
    """A scheduler on 127.0.0.1 and nodes on 127.0.0.2 and following, each a process of its own."""

    folder: Path
    size: int
    options: Sequence[str] = ()
    scheme: str = "tcp"
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """The scheduler, then the nodes."""

    @property
    def scheduler(self) -> subprocess.Popen[bytes]:
        """The scheduler."""
        return self.processes[0]

    @property
    def nodes(self) -> list[subprocess.Popen[bytes]]:
        """The nodes."""
        return self.processes[1:]

    def load_processes(self) -> list[psutil.Process]:
        """The processes that nodes have started."""
        return [process for node in self.nodes for process in load_processes(node.pid)]

    def make_whole(self) -> None:
        """Start what does not run: after the scheduler the nodes as well, which end with theirs."""
        if not self.processes or self.scheduler.poll() is not None:
            self.close()
            self._start_scheduler()
        for number in range(1, self.size + 1):
            if len(self.processes) > number and self.processes[number].poll() is None:
                continue
            words = ["cluster", "worker", self.address, "--own-address", f"127.0.0.{number + 1}", *self.options]
            self.processes[number : number + 1] = [loadcore(words, self.folder)]

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            _end(process)
        self.processes.clear()

    def _start_scheduler(self) -> None:
        port = free_port()
        self.address = f"{self.scheme}://127.0.0.1:{port}"
        self.processes.append(loadcore(["cluster", "scheduler", "--port", str(port), *self.options], self.folder))
        _wait_for(port, self.scheduler)


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
    """A cluster until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = OnLoopback(folder, nodes, options, scheme)
    try:
        cluster.make_whole()
        yield cluster
    finally:
        cluster.close()


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
