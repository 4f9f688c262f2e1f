"""A target on loopback, in a process of its own, that counts what it is asked.

`/missing` answers 404, `/broken` 503, `/slow` after half a second, `/hang` never, `/token` with one, `/private` 401;
`/held/NAME` answers once `/release/NAME` was asked for; `/moved` leads to `/items`, `/gone` to `/broken`; all else is
200.
`/_count` says how many requests came, itself not counted.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parent.parent.parent
_STATUSES = {
    "/missing": "404 Not Found",
    "/broken": "503 Unavailable",
    "/moved": "302 Found\r\nLocation: /items",
    "/gone": "302 Found\r\nLocation: /broken",
    "/private": "401 Unauthorized",
}


@dataclass(frozen=True)
class Target:
    """A target that listens."""

    url: str

    def count(self) -> dict[str, int]:
        """Requests so far, by path."""
        with urllib.request.urlopen(f"{self.url}/_count") as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    def total(self) -> int:
        """All requests so far."""
        return sum(self.count().values())


@contextmanager
def counting_target() -> Iterator[Target]:
    """A target that listens for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.integration.counting_target"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            assert process.stdout is not None
            yield Target(process.stdout.readline().strip())
        finally:
            process.kill()


class _Server:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_body_length(head))
                path = head.split(b" ")[1].decode().partition("?")[0]
                if path != "/_count":
                    self.counts[path] = self.counts.get(path, 0) + 1
                writer.write(await self.answer(path))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, path: str) -> bytes:
        if path == "/hang":
            await asyncio.sleep(3600)
        if path == "/slow":
            await asyncio.sleep(0.5)
        if path.startswith("/held/"):
            await self.released[path.removeprefix("/held/")].wait()
        if path.startswith("/release/"):
            self.released[path.removeprefix("/release/")].set()
        document: object = {"items": [1, 2, 3]}
        if path == "/_count":
            document = self.counts
        elif path == "/token":
            document = {"access_token": "canary-token", "token_type": "bearer", "expires_in": 3600}
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {_STATUSES.get(path, '200 OK')}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        return head.encode() + b"\r\n\r\n" + body


def _body_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _main() -> None:
    server = await asyncio.start_server(_Server().serve, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
