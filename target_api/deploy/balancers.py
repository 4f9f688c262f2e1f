"""The balancer in front of the replicas: who gets requests, and how many are on their way."""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from loadcore_target.deploy.ports import HOST

SLOTS = 8
"""Most replicas that a balancer's configuration has room for."""

_ANSWER_S = 5.0
_PATIENCE = "max_fails=1 fail_timeout=2s"


class Balancer(Protocol):
    """What the stack asks of a balancer."""

    async def admit(self, slot: int, port: int) -> None:
        """The replica of that slot gets requests from now on."""

    async def drain(self, slot: int) -> None:
        """It gets no more; those on their way may end."""

    async def load(self) -> int | None:
        """Requests being served or waiting for a replica, of all clients; `None` if that cannot be known."""


class NoBalancer:
    """A single replica that clients ask directly."""

    async def admit(self, slot: int, port: int) -> None:
        """Nothing to do."""

    async def drain(self, slot: int) -> None:
        """Nothing to do."""

    async def load(self) -> int | None:
        """Not known."""
        return None


class Haproxy:
    """HAProxy, steered over its runtime API.

    Args:
        socket: Where that listens.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def admit(self, slot: int, port: int) -> None:
        """Gives the slot that address and opens it; HAProxy begins with a check."""
        if not self._socket.exists():
            return  # not started yet; it learns of all replicas when it is
        server = f"gateway/gateway{slot}"
        await self.command(f"set server {server} addr {HOST} port {port}")
        # Counts as up at once: whoever calls has asked the replica itself.
        await self.command(f"set server {server} state ready")
        await self.command(f"set server {server} health up")

    async def drain(self, slot: int) -> None:
        """Closes the slot to new requests."""
        await self.command(f"set server gateway/gateway{slot} state maint")

    async def load(self) -> int | None:
        """Requests in the backend and in its queue."""
        rows = csv.DictReader((await self.command("show stat gateway 2 -1")).removeprefix("# ").splitlines())
        return next((int(row["scur"]) + int(row["qcur"]) for row in rows), None)

    async def command(self, text: str) -> str:
        """One command, and what it answers."""
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(f"{text}\n".encode())
                return (await reader.read()).decode()
            finally:
                writer.close()


class Nginx:
    """nginx, steered by its configuration, which it reads again.

    Args:
        write: Writes the configuration with these lines for its servers.
        reload: Has nginx read it again; returns when the new one is in use.
    """

    def __init__(self, write: Callable[[str], None], reload: Callable[[], Awaitable[None]]) -> None:
        self._write = write
        self._reload = reload
        self._ports: dict[int, int] = {}

    async def admit(self, slot: int, port: int) -> None:
        """Adds the replica."""
        await self._change({**self._ports, slot: port})

    async def drain(self, slot: int) -> None:
        """Leaves the replica out."""
        await self._change({known: port for known, port in self._ports.items() if known != slot})

    async def load(self) -> int | None:
        """Not known: the free nginx does not count requests by upstream."""
        return None

    async def _change(self, ports: Mapping[int, int]) -> None:
        if ports == self._ports:
            return
        self._ports = dict(ports)
        # Without any server nginx does not start.
        self._write(
            " ".join(f"server {HOST}:{port} {_PATIENCE};" for port in ports.values()) or f"server {HOST}:1 down;"
        )
        await self._reload()
