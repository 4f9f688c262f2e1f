"""The bare epoll server, started and ended."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benches.affinity import pinned
from benches.build import built
from benches.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator


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
