"""The newest state of a run as a page gets it, handed to everyone who waits for it."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING

from loadcore.live.web.spare_time import SpareTime
from loadcore.report.html.page import live_page_of, state_of

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
        self._spare = SpareTime()
        self._changed = asyncio.Condition()
        self._version = 0
        self._event: asyncio.Future[str] | None = None
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
        history = await self._spare.do(self._follower.look)
        if history is None:
            return
        async with self._changed:
            self._history, self._event = history, None
            self._version += 1
            self._changed.notify_all()

    async def page(self) -> str:
        """A page of the newest state; before there is one, of the first."""
        async with self._changed:
            history = await self._known()
        return await self._spare.do(partial(live_page_of, history))

    async def after(self, version: int) -> tuple[int, str]:
        """Wait for a state that is newer than this version, and give it with its own. It is made for all at once."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._version > version)
            if self._event is None:
                self._event = asyncio.ensure_future(self._spare.do(partial(_event_of, await self._known())))
            version, event = self._version, self._event
        # Whoever is gone meanwhile does not end it for the others.
        return version, await asyncio.shield(event)

    async def _known(self) -> History:
        """The newest state, once there is one."""
        while self._history is None:
            await self._changed.wait()
        return self._history


def _event_of(history: History) -> str:
    """A server-sent event: what the page shows, and what its charts draw."""
    # JSON has no line break outside of strings, and none within them.
    return f"event: state\ndata: {json.dumps(state_of(history), separators=(',', ':'), allow_nan=False)}\n\n"
