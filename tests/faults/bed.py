"""A gateway and a proxy that does wrong in front of it, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.ledger import Entry, Fault

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Started:
    """A process that has said where it listens."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def tell(self, line: str) -> None:
        """Give it a command, and wait until it has obeyed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == line


@contextmanager
def started(module: str, *arguments: object) -> Iterator[Started]:
    """A module as a process, until the block ends."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, f"{module} did not start"
            yield Started(process, url)
        finally:
            process.kill()


@dataclass(frozen=True)
class Bed:
    """Both processes, and what they wrote down."""

    proxy: Started
    gateway: Started
    folder: Path

    @property
    def url(self) -> str:
        """Where the engine is to send its requests."""
        return self.proxy.url

    def entries(self) -> dict[str, list[Entry]]:
        """What the proxy read and did, by request id."""
        by_id: dict[str, list[Entry]] = {}
        for entry in ledger.read(self.folder / "ledger.jsonl"):
            by_id.setdefault(entry.id, []).append(entry)
        return by_id

    def served(self) -> Counter[str]:
        """How often the gateway served each id."""
        return served(self.folder / "served.log")


def served(log: Path) -> Counter[str]:
    """How often each id is in a gateway's log."""
    return Counter(log.read_text().splitlines())


@contextmanager
def bed(folder: Path, *, seed: int, rate: float, faults: Sequence[Fault]) -> Iterator[Bed]:
    """A gateway and a proxy for as long as the block lasts.

    Args:
        folder: Where their logs go.
        seed: What chance comes from.
        rate: The share of responses to which a fault is done.
        faults: Those that may be done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        started("tests.faults.gateway", folder / "served.log") as gateway,
        started("tests.faults.proxy", gateway.port, folder / "ledger.jsonl", seed, rate, *faults) as proxy,
    ):
        yield Bed(proxy, gateway, folder)
