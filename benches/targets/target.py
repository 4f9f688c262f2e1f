"""What benches need to know of a server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import psutil


@dataclass(frozen=True)
class Target:
    """A server that listens."""

    name: str
    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU time of its processes so far."""
        first = psutil.Process(self.pid)
        times = [process.cpu_times() for process in [first, *first.children(recursive=True)]]
        return float(sum(time.user + time.system for time in times))

    def stats(self) -> dict[str, Any]:
        """What the bare server has counted: requests, accepted and open connections, real delays."""
        with urlopen(f"{self.url}/_stats") as response:
            counted: dict[str, Any] = json.load(response)
        return counted
