"""Cached answers: one computation for all who ask at the same time, in memory or in Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from cashews import Cache

from loadcore_target.observe.metrics import Metrics
from loadcore_target.shared.control import ControlPage, Word


class AnswerCache:
    """Bytes by key, with a time to live.

    Misses of the same key in one worker share one computation, so an expiring answer does not send every waiting
    request to the database at once. When it fails, the request that began it fails; those that waited for it share one
    more, and its end is theirs.

    Args:
        url: `mem://` for each worker's own memory, or `redis://…` shared by all.
        ttl_s: Seconds until an answer is computed again; 0 turns the cache off.
        metrics: Counts hits, misses and shared misses.
        control: Tells when the cache was flushed.
    """

    def __init__(self, url: str, ttl_s: float, metrics: Metrics, control: ControlPage) -> None:
        self._url = url
        self._cache: Cache
        self._ttl_s = ttl_s
        self._counts = {name: metrics.cache.labels(name) for name in ("hit", "miss", "shared", "off")}
        self._control = control
        self._flush_every_s: float | None = None
        self._pending: dict[str, asyncio.Task[bytes]] = {}

    async def open(self) -> None:
        """Connects to the store."""
        self._cache = Cache()
        self._cache.setup(self._url)
        await self._cache.init()

    def flush_every(self, seconds: float | None) -> None:
        """Makes all answers stale at the same times in all workers; 0 for no caching, `None` for no flushing."""
        self._flush_every_s = seconds

    async def get(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        """The bytes of a key, computed when they are not there."""
        if self._ttl_s == 0 or self._flush_every_s == 0:
            self._counts["off"].inc()
            return await compute()
        # The epoch is part of the key: a flush makes every worker miss, also those that did not flush.
        period = int(time.time() / self._flush_every_s) if self._flush_every_s else 0
        full_key = f"{self._control.words[Word.CACHE]}:{period}:{key}"
        may_fail = True
        while True:
            found = await self._cache.get(full_key)
            if isinstance(found, bytes):
                self._counts["hit"].inc()
                return found
            task = self._pending.get(full_key)
            if task is None:
                return await self._begin(full_key, compute)
            self._counts["shared"].inc()
            try:
                return await asyncio.shield(task)
            except Exception:
                # One failure must not fail all who waited for it, of whom some came a moment ago: they share one more.
                if not may_fail:
                    raise
                may_fail = False

    async def _begin(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        self._counts["miss"].inc()
        task = asyncio.ensure_future(self._fill(key, compute))
        self._pending[key] = task
        # Shielded: one client that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _fill(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            value = await compute()
            await self._cache.set(key, value, expire=self._ttl_s)
            return value
        finally:
            del self._pending[key]

    async def close(self) -> None:
        """Disconnects."""
        await self._cache.close()
