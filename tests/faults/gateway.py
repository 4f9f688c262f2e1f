"""A gateway that echoes the id of every request, and writes it down before it answers.

`python -m tests.faults.gateway LOG [PORT [KEEP_ALIVE_S]]` prints its URL. The log has one id a line, written without a
buffer, so that a kill -9 takes nothing back. Keep-alive ends after a response: a new connection is waited for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import BinaryIO

from tests.faults.messages import read_message, response

_PADDING = "x" * 160
_FOREVER_S = 3600.0


class _Gateway:
    def __init__(self, log: BinaryIO, keep_alive_s: float) -> None:
        self.log = log
        self.keep_alive_s = keep_alive_s

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_message(reader)
            while True:
                self.log.write(f"{request.id}\n".encode())
                writer.write(response(json.dumps({"id": request.id, "padding": _PADDING}).encode()).whole)
                request = await asyncio.wait_for(read_message(reader), self.keep_alive_s)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()


async def _main(log: Path, port: int = 0, keep_alive_s: float = _FOREVER_S) -> None:
    with log.open("ab", buffering=0) as file:
        gateway = _Gateway(file, keep_alive_s)
        server = await asyncio.start_server(gateway.serve, "127.0.0.1", port, backlog=1024)
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(
        _main(
            Path(sys.argv[1]),
            int(sys.argv[2]) if sys.argv[2:] else 0,
            float(sys.argv[3]) if sys.argv[3:] else _FOREVER_S,
        )
    )
