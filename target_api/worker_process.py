"""A worker process as the supervisor sees it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

from loadcore_target.settings import Settings

_START_TIMEOUT_S = 600.0
"""Long: making many users with an expensive hash is part of the start."""


class StartError(Exception):
    """The gateway could not start; the message says why."""


class WorkerProcess:
    """Starts, watches and stops one worker.

    Args:
        number: Which truth counters it writes; no two living workers have the same.
        listener: The socket that it accepts connections on; stays open here when the worker dies.
        settings: The settings of the gateway.
        folder: What all workers share.

    Attributes:
        retired: It was asked to stop, so its end is not an accident.
        started: There is, or was, a process.
    """

    def __init__(self, number: int, listener: socket.socket, settings: Settings, folder: Path) -> None:
        self.number = number
        self.listener = listener
        self.retired = False
        self._settings = settings
        self._folder = folder
        self._process: asyncio.subprocess.Process
        self.started = False

    @property
    def pid(self) -> int:
        """Process id of the running worker."""
        return self._process.pid

    async def start(self) -> None:
        """Starts the process and returns when it accepts requests.

        Raises:
            StartError: It ended or stayed silent instead.
        """
        await self.launch()
        await self.serve(seed=False)

    async def launch(self) -> None:
        """Starts the process, which loads its modules and waits for its order."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "loadcore_target.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[self.listener.fileno()],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics")},
        )  # fmt: skip
        self.started = True

    async def serve(self, *, seed: bool) -> int:
        """Gives the process its order and returns when it accepts requests.

        Args:
            seed: Whether this worker fills the database first; one does, before the others begin.

        Returns:
            How many users it made.

        Raises:
            StartError: It ended or stayed silent instead.
        """
        order = {
            "seed": seed,
            "worker": self.number,
            "folder": str(self._folder),
            "listener": self.listener.fileno(),
            "settings": json.loads(self._settings.reveal()),
        }
        process = self._process
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - both are pipes
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_S)
        except (TimeoutError, ConnectionError):
            line = b""
        word, _, made = line.decode().partition(" ")
        if word != "ready":
            await self.stop(0)
            raise StartError(f"worker {self.number} did not become ready; see its error above")
        return int(made)

    async def wait(self) -> int:
        """Waits for the end of the process; returns its exit code, negative for a signal."""
        code = await self._process.wait()
        # "live" gauges of a dead process would be summed for ever.
        for stale in (self._folder / "metrics").glob(f"gauge_live*_{self.pid}.db"):
            stale.unlink(missing_ok=True)
        return code

    async def stop(self, patience_s: float) -> None:
        """Asks the process to finish its requests and end; kills it when it has not after `patience_s`."""
        self.retired = True
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), patience_s)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.wait()

    def kill(self) -> None:
        """Ends the process at once."""
        if self.started:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
