"""Locust's master, as the supervisor sees it: a process beside the workers."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

from loadcore.errors import RunError
from loadcore.locustfiles import children, inspection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_END_WITHIN_S = 30.0


class MasterProcess:
    """A master that listens for its workers on this machine.

    Args:
        path: The Locust file.
        arguments: For Locust's parser.
        workers: How many workers will come.
        log: Where its standard error goes.
        patience_s: How long a worker may be silent before its users begin elsewhere; as Locust has it if None.

    Raises:
        RunError: It did not come up.
    """

    def __init__(
        self, path: str, arguments: Sequence[str], workers: int, log: Path, patience_s: float | None = None
    ) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                children.command("master"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                process_group=0,
                env=children.environment(),
            )
        self.reaches = "master_port"
        self._document: dict[str, Any] | None = None
        request = {"path": path, "arguments": list(arguments), "workers": workers, "patience_s": patience_s}
        self._tell(json.dumps(request))
        said = self._hear()
        if "port" not in said:
            self.close()
            if "error" in said:
                raise inspection.error_of(said["error"])
            raise RunError("Locust's master did not start", hint=f"its log is {log}")
        self.arguments: dict[str, Any] = {"master_port": said["port"]}
        """What the workers' program needs to know of it."""

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def lost(self) -> str | None:
        """How it went away, if it did so before it was done."""
        code = self._process.poll()
        if not code:
            return None
        how = f"killed by signal {-code}" if code < 0 else f"ended with {code}"
        return f"Locust's master was lost ({how}): from then on nothing decided how many users there are"

    def stop(self) -> None:
        """The run is over: it tells its workers."""
        self._tell("{}")

    def document(self) -> dict[str, Any]:
        """How it ended; empty if it did not say. Waits for it."""
        if self._document is None:
            self.stop()
            said = self._hear()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_WITHIN_S)
            self._document = said.get("ended", {"lost": self.lost})
            self.close()
        return self._document

    def close(self) -> None:
        """End the process at once, if it still runs."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return {}
        return said
