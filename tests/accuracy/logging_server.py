"""A server that works at a given pace and logs when it has answered: the truth that rates are compared with."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Pace:
    """How a server works."""

    at_once: int = 10_000
    """Requests that it works on at the same time; others wait."""
    takes_s: float = 0.0
    """How long it works on each."""
    stall: Callable[[float], float] = lambda _: 0.0
    """How long it does nothing, by the seconds since its first request."""
    fails_every: int = 0
    """One request in this many is cut off instead of answered."""


@dataclass
class Log:
    """What the server did, by the wall clock."""

    url: str = ""
    asked_at: list[float] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)

    def answered(self, begin: float, end: float) -> int:
        """Answers within a time."""
        return sum(begin <= at < end for at in self.answered_at)


@contextmanager
def logging_server(pace: Pace) -> Iterator[Log]:
    """A server that listens for as long as the block lasts."""
    log, loop, ready = Log(), asyncio.new_event_loop(), threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(pace, log, ready),))
    thread.start()
    try:
        assert ready.wait(60)
        yield log
    finally:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join()
        loop.close()


async def _serve(pace: Pace, log: Log, ready: threading.Event) -> None:
    places = asyncio.Semaphore(pace.at_once)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                log.asked_at.append(time.time())
                number = len(log.asked_at)
                async with places:
                    await asyncio.sleep(max(pace.takes_s, pace.stall(time.time() - log.asked_at[0])))
                if pace.fails_every and number % pace.fails_every == 0:
                    return
                # Before it is written: no client hears of it earlier.
                log.answered_at.append(time.time())
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
    log.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ready.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        server.close()
