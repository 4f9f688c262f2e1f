"""The newest state of a run as a page gets it, handed to everyone who waits for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from loadcore.report.html.page import data_of, main_of

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.live.web.follow import Follower
    from loadcore.report.html.history import History

PERIOD_S = 1.0
"""How often the folder is looked at."""


class Feed:
    """Looks at a run once a second, however many pages show it.

    Args:
        follower: Follows the run.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._changed = asyncio.Condition()
        self._version = 0
        self._event = ""
        self._history: History | None = None
        self.watching = 0
        """Pages that are open."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._follower.path

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self._follower.ended

    async def follow(self) -> None:
        """Look again and again. Ends with the run."""
        while True:
            await self.look()
            if self.ended:
                return
            await asyncio.sleep(PERIOD_S)

    async def look(self) -> None:
        """Look once, and tell whoever waits."""
        history = await asyncio.to_thread(self._follower.look)
        if history is None:
            return
        event = await asyncio.to_thread(_event_of, history)
        async with self._changed:
            self._history, self._event = history, event
            self._version += 1
            self._changed.notify_all()

    async def newest(self) -> History:
        """The newest state; before there is one, the first."""
        async with self._changed:
            while self._history is None:
                await self._changed.wait()
            return self._history

    async def after(self, version: int) -> tuple[int, str]:
        """Wait for a state that is newer than this version, and give it with its own."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._version > version)
            return self._version, self._event


def _event_of(history: History) -> str:
    """A server-sent event: what the page shows, and what its charts draw."""
    content = {"html": main_of(history), "data": data_of(history)}
    # JSON has no line break outside of strings, and none within them.
    return f"event: state\ndata: {json.dumps(content, separators=(',', ':'), allow_nan=False)}\n\n"
