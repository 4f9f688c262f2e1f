"""One service as a child process: started, asked whether it is ready, stopped by its PID."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadcore_target.deploy.ports import HOST

_POLL_S = 0.05
_PROBE_S = 5.0
_LOG_TAIL = 8
_KILL_S = 5.0


class ServiceError(Exception):
    """A service did not start; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a service is started.

    Attributes:
        name: For messages and the log file.
        command: Program and arguments.
        ready: An HTTP path that answers 200, a command that succeeds, or `tcp`.
        port: Where it is asked.
        log: Gets its output.
        environment: Added to that of this process.
        stop_with: The signal that ends it.
        account: Number of the user that it runs as; `None` for this one.
        by_pipe: It ends when standard input does; others get a signal when their parent dies.
    """

    name: str
    command: Sequence[str]
    ready: str | tuple[str, ...]
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_with: signal.Signals = signal.SIGTERM
    account: int | None = None
    by_pipe: bool = False


class ServiceProcess:
    """A service that runs.

    Attributes:
        launch: How it was started.
        pid: Its PID.
        created_at: When the process was made; with the PID it names one process for ever.
    """

    def __init__(self, launch: Launch, process: asyncio.subprocess.Process) -> None:
        self.launch = launch
        self.pid = process.pid
        self.created_at = _created_at(process.pid)
        self._process = process

    @classmethod
    async def start(cls, launch: Launch, within_s: float) -> "ServiceProcess":
        """Starts a service and returns when it is ready.

        Raises:
            ServiceError: It ended, or was not ready in time.
        """
        with launch.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *_tied(launch),
                stdin=asyncio.subprocess.PIPE if launch.by_pipe else asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **launch.environment},
            )
        service = cls(launch, process)
        try:
            await service._until_ready(within_s)
        except BaseException:
            await service.stop(_KILL_S)
            raise
        return service

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._process.wait()

    def signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, patience_s: float) -> None:
        """Asks it to end; kills it when it takes longer than that."""
        if self.running:
            self.signal(self.launch.stop_with)
        try:
            await asyncio.wait_for(self._process.wait(), patience_s)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._process.wait()

    async def _until_ready(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not await is_ready(self.launch.ready, self.launch.port):
            if not self.running:
                raise ServiceError(f"{self.launch.name} ended with code {self._process.returncode}{self._tail()}")
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.launch.name} was not ready within {within_s:g} s{self._tail()}")
            await asyncio.sleep(_POLL_S)

    def _tail(self) -> str:
        lines = self.launch.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LOG_TAIL:]
        return ":\n  " + "\n  ".join(lines) if lines else " and wrote nothing"


async def is_ready(ready: str | tuple[str, ...], port: int) -> bool:
    """Asks once."""
    if isinstance(ready, tuple):
        asking = await asyncio.create_subprocess_exec(
            *ready, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asking.wait() == 0
    try:
        async with asyncio.timeout(_PROBE_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                if ready == "tcp":
                    return True
                writer.write(f"GET {ready} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except OSError:  # a timeout is one, too
        return False


def _tied(launch: Launch) -> list[str]:
    """The command, which ends with this process however this process ends."""
    setpriv = shutil.which("setpriv")
    if launch.by_pipe or setpriv is None:
        return [*launch.command]
    as_account = []
    if launch.account is not None:
        as_account = [f"--reuid={launch.account}", f"--regid={launch.account}", "--clear-groups"]
    return [setpriv, f"--pdeathsig={launch.stop_with.name.removeprefix('SIG')}", *as_account, *launch.command]


def _created_at(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0
