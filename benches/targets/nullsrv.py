"""The bare epoll server, started and ended."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benches.affinity import pinned
from benches.build import built

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Target:
    """A server that listens."""

    name: str
    url: str
    pid: int

    def stats(self) -> dict[str, Any]:
        """What the bare server has counted: requests, accepted and open connections, real delays."""
        with urlopen(f"{self.url}/_stats") as response:
            counted: dict[str, Any] = json.load(response)
        return counted


@contextmanager
def nullsrv(*options: str, core: int | None = None) -> Iterator[Target]:
    """Runs the bare server, on one core if asked; `options` are its own."""
    command = pinned([str(built()["nullsrv"]), *options], core)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            yield Target("nullsrv", said["url"], said["pid"])
        finally:
            process.terminate()
