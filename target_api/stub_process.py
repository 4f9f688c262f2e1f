"""The upstream stub as a child process of the supervisor."""

import asyncio
import contextlib
import json
import sys

from loadcore_target.worker_process import StartError

_START_TIMEOUT_S = 30.0


class StubProcess:
    """Starts and stops one stub; it also ends by itself when this process dies."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    async def start(cls, latency: str, seed: int) -> "StubProcess":
        """A stub that answers after `latency`, ready on a free port.

        Raises:
            StartError: It did not become ready.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "loadcore_target", "stub", "--exit-with-parent", "--latency", latency,
            "--seed", str(seed),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_TIMEOUT_S)
            url = json.loads(line)["url"]
        except (TimeoutError, ValueError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise StartError("the upstream stub did not become ready; see its error above") from None
        return cls(process, url)

    async def stop(self) -> None:
        """Ends it, after the workers."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
