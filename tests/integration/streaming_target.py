"""A target on loopback, in a process of its own, whose responses take their time, and that knows who left.

`/endless` sends an event every 10 ms until its client goes; `/few` three of them; `/broken` two, and closes within a
chunk; `/silent` one, and nothing more; `/gzip`, `/br` and `/zstd` three, compressed one by one; `/big` 64 MiB as fast
as they are taken; `/until-close` text without a length; `/empty` is 204; `/busy` an endless 503; `/moved` leads to
`/few`; all else is 200 with a length.
`/_facts` says by path how many were asked for, how many clients left early, and how many bytes were sent.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parent.parent.parent
_EVENTS = "Content-Type: text/event-stream\r\n"
_PIECE = b"x" * 65_536


@contextmanager
def streaming_target() -> Iterator[str]:
    """The URL of a target that listens for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.integration.streaming_target"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def facts(url: str, path: str) -> dict[str, int]:
    """What the target counted of a path: `asked`, `left` and `sent`."""
    with urllib.request.urlopen(f"{url}/_facts") as answer:
        found: dict[str, dict[str, int]] = json.load(answer)
    return found.get(path, {"asked": 0, "left": 0, "sent": 0})


class _Server:
    def __init__(self) -> None:
        self.facts: dict[str, dict[str, int]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target = head.split(b" ", 2)[:2]
                path = target.decode().partition("?")[0]
                if path == "/_facts":
                    _answer(writer, json.dumps(self.facts).encode())
                    continue
                counted = self.facts.setdefault(path, {"asked": 0, "left": 0, "sent": 0})
                counted["asked"] += 1
                try:
                    goes_on = await self._respond(method.decode(), path, writer, counted)
                except ConnectionError:
                    counted["left"] += 1
                    raise
                if not goes_on:
                    break
        writer.close()

    async def _respond(self, method: str, path: str, writer: asyncio.StreamWriter, counted: dict[str, int]) -> bool:
        if path == "/empty" or method == "HEAD":
            writer.write(b"HTTP/1.1 %s\r\n\r\n" % (b"204 No Content" if path == "/empty" else b"200 OK"))
        elif path == "/moved":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /few\r\nContent-Length: 5\r\n\r\nmoved")
        elif path == "/big":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1024 * len(_PIECE)))
            for _ in range(1024):
                writer.write(_PIECE)
                await writer.drain()
                counted["sent"] += len(_PIECE)
        elif path == "/until-close":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nfirst\nsecond")
            return False
        elif path in {"/endless", "/few", "/broken", "/silent", "/gzip", "/br", "/zstd", "/busy"}:
            status = "503 Unavailable" if path == "/busy" else "200 OK"
            coding = f"Content-Encoding: {path[1:]}\r\n" if path in _PACKERS else ""
            writer.write(f"HTTP/1.1 {status}\r\n{_EVENTS}{coding}Transfer-Encoding: chunked\r\n\r\n".encode())
            return await self._events(path, writer, counted)
        else:
            _answer(writer, b"whole")
        return True

    async def _events(self, path: str, writer: asyncio.StreamWriter, counted: dict[str, int]) -> bool:
        packer = _PACKERS[path]() if path in _PACKERS else None
        count = {"/few": 3, "/broken": 2, "/silent": 1, **dict.fromkeys(_PACKERS, 3)}.get(path, sys.maxsize)
        for number in range(1, count + 1):
            await asyncio.sleep(0.01)
            event = f"id: {number}\ndata: {number}\n\n".encode()
            if packer is not None:
                event = packer.piece(event)
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            counted["sent"] += len(event)
        if path == "/broken":
            writer.write(b"ff\r\nda")
            return False
        if path == "/silent":
            await asyncio.sleep(3600)
        if packer is not None:
            rest = packer.end()
            writer.write(b"%x\r\n%s\r\n" % (len(rest), rest))
        writer.write(b"0\r\n\r\n")
        return True


class _Gzip:
    """What is compressed can be read at once, as that of the two others."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=31)

    def piece(self, text: bytes) -> bytes:
        return self._packer.compress(text) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._packer.flush()


class _Brotli:
    def __init__(self) -> None:
        self._packer = brotli.Compressor()

    def piece(self, text: bytes) -> bytes:
        return bytes(self._packer.process(text) + self._packer.flush())

    def end(self) -> bytes:
        return bytes(self._packer.finish())


class _Zstd:
    def __init__(self) -> None:
        self._packer = zstd.ZstdCompressor()

    def piece(self, text: bytes) -> bytes:
        return self._packer.compress(text, self._packer.FLUSH_BLOCK)

    def end(self) -> bytes:
        return self._packer.flush()


_PACKERS: dict[str, Callable[[], _Gzip | _Brotli | _Zstd]] = {"/gzip": _Gzip, "/br": _Brotli, "/zstd": _Zstd}


def _answer(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def _main() -> None:
    server = await asyncio.start_server(_Server().serve, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
