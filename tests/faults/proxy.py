"""A proxy that does wrong, by chance from a seed, and keeps a ledger of it.

`python -m tests.faults.proxy GATEWAY_PORT LEDGER SEED RATE FAULT…` prints its URL. Each request is forwarded; a share
of RATE has one of the faults done to its response. The lines `refuse` and `listen` on standard input close the
listening socket and open it again.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.ledger import Entry, Fault
from tests.faults.messages import Message, read_message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LATE_408 = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_IDLE_S = 0.02
_STALL_S = 60
_PARTNER_S = 0.3
_SLOW_PIECES = 8
_SLOW_PAUSE_S = 0.02


@dataclass
class _Client:
    """One connection of a client."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    index: int = 0

    def reset(self) -> None:
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.writer.transport.abort()


class FaultProxy:
    """Stands between clients and a gateway."""

    def __init__(self, gateway_port: int, ledger: BinaryIO, seed: int, rate: float, faults: Sequence[Fault]) -> None:
        self.gateway_port = gateway_port
        self.ledger = ledger
        self.random = random.Random(seed)
        self.rate = rate
        self.faults = faults
        self.connections = 0
        self.partner: asyncio.Future[Message] | None = None
        self.partner_response: Message | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards the requests of one connection."""
        client = _Client(self.connections, reader, writer)
        self.connections += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.gateway_port)
        try:
            request = await read_message(reader)
            while True:
                up_writer.write(request.whole)
                response = await read_message(up_reader)
                goes_on = await self._deliver(client, request, response)
                client.index += 1
                following = asyncio.ensure_future(read_message(reader)) if goes_on else None
                if following is None or await self._is_ended_idle(client, following):
                    return
                request = await following
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            up_writer.close()
            writer.close()

    def _note(
        self, client: _Client, request: Message, fault: Fault | None = None, count: int = 0, head: int = 0
    ) -> None:
        method = request.head.split(b" ", 1)[0].decode()
        entry = Entry(request.id, method, client.number, client.index, time.monotonic(), fault, count, head)
        self.ledger.write(entry.to_line())

    async def _deliver(self, client: _Client, request: Message, response: Message) -> bool:
        """Sends a response, or what is made of it. Returns whether the connection stays open."""
        of_response = [fault for fault in self.faults if fault != Fault.LATE_408]
        fault = self.random.choice(of_response) if of_response and self.random.random() < self.rate else None
        head = len(response.head)
        match fault:
            case Fault.RESET | Fault.TRUNCATE | Fault.STALL:
                # Often before, in, and at the very ends of the head, since that is where clients differ.
                at = self.random.choice([0, 1, head - 1, head, self.random.randrange(len(response.whole))])
                self._note(client, request, fault, at, head)
                return await self._cut(client, response.whole[:at], fault)
            case Fault.DUPLICATE:
                self._note(client, request, fault, len(response.whole), head)
                client.writer.write(response.whole * 2)
            case Fault.SURPLUS:
                surplus = self.random.randbytes(self.random.randint(1, 40))
                self._note(client, request, fault, len(surplus), head)
                client.writer.write(response.whole + surplus)
            case Fault.CORRUPT_CHUNK:
                self._note(client, request, fault, 0, head)
                client.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxx\r\n")
            case Fault.SWAP:
                other = await self._swapped(response)
                self._note(client, request, None if other is response else fault, 0, head)
                client.writer.write(other.whole)
            case Fault.SLOW:
                self._note(client, request, fault, 0, head)
                await self._drip(client, response.whole)
            case _:
                self._note(client, request)
                client.writer.write(response.whole)
        return True

    async def _cut(self, client: _Client, part: bytes, fault: Fault) -> bool:
        if part:
            client.writer.write(part)
        if fault == Fault.RESET:
            client.reset()
        elif fault == Fault.STALL:
            await asyncio.wait_for(client.reader.read(), _STALL_S)
        return False

    async def _drip(self, client: _Client, whole: bytes) -> None:
        size = len(whole) // _SLOW_PIECES + 1
        for at in range(0, len(whole), size):
            client.writer.write(whole[at : at + size])
            await asyncio.sleep(_SLOW_PAUSE_S)

    async def _swapped(self, response: Message) -> Message:
        """The response of another request that wants to swap; its own, if none comes."""
        if self.partner is not None and self.partner_response is not None:
            partner, self.partner = self.partner, None
            partner.set_result(response)
            return self.partner_response
        mine: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.partner, self.partner_response = mine, response
        await asyncio.wait({mine}, timeout=_PARTNER_S)
        if mine.done():
            return mine.result()
        self.partner = None
        return response

    async def _is_ended_idle(self, client: _Client, following: asyncio.Future[Message]) -> bool:
        """Ends an idle connection with a 408, if chance has it. Whether it did."""
        if Fault.LATE_408 not in self.faults or self.random.random() >= self.rate:
            return False
        done, _ = await asyncio.wait({following}, timeout=_IDLE_S)
        if done:
            return False
        client.writer.write(_LATE_408)
        client.writer.write_eof()
        try:
            crossed = await asyncio.wait_for(following, 2)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        else:
            self._note(client, crossed, Fault.CROSSED_408, len(_LATE_408))
        return True


async def _main(gateway_port: int, ledger: Path, seed: int, rate: float, faults: Sequence[Fault]) -> None:
    with ledger.open("ab", buffering=0) as file:
        proxy = FaultProxy(gateway_port, file, seed, rate, faults)
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        _say(f"http://127.0.0.1:{port}")
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() == "refuse":
                server.close()
            else:
                server = await asyncio.start_server(proxy.serve, "127.0.0.1", port, backlog=1024)
            _say(line.strip())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(
        _main(
            int(sys.argv[1]),
            Path(sys.argv[2]),
            int(sys.argv[3]),
            float(sys.argv[4]),
            [Fault(name) for name in sys.argv[5:]],
        )
    )
