"""Rate limits: `limits` for the rules, counters that all workers share for their accuracy."""

import fcntl
import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string

from loadcore_target.errors import ProblemError
from loadcore_target.observe.context import RequestContext
from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.shared.pages import Page

_SLOTS = 1 << 16
_PROBES = 32
_WORDS = 4
"""Of a slot: hash of the key, count, end of the window in Unix nanoseconds, unused."""


class SharedStorage(Storage):
    """Counters in memory that all workers of one gateway map: `limits` brings such a store for Redis only.

    Args:
        page: `65,536` slots; a key whose probes are all taken by living windows takes the slot that ends first.
    """

    STORAGE_SCHEME: ClassVar[list[str]] = ["shared"]  # type: ignore[misc]

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    @staticmethod
    def page(path: Path | None) -> Page:
        """The memory for a storage."""
        return Page(path, _SLOTS * _WORDS * 8)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong in a store; here nothing."""
        return OSError

    def _find(self, key: str, now_ns: int) -> tuple[int, int]:
        """First word of the key's slot, or of the one that it may take, and the key's hash."""
        digest = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") | 1
        words = self._page.words
        best, best_end = -1, 1 << 64
        for probe in range(_PROBES):
            at = (digest + probe) % _SLOTS * _WORDS
            if words[at] == digest:
                return at, digest
            end = words[at + 2] if words[at + 2] > now_ns else 0
            if end < best_end:
                best, best_end = at, end
        return best, digest

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts `amount` in the key's window, which begins with its first count and lasts `expiry` seconds."""
        words = self._page.words
        descriptor = self._page.descriptor
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            now_ns = time.time_ns()
            at, digest = self._find(key, now_ns)
            if words[at] != digest or words[at + 2] <= now_ns:
                words[at], words[at + 1], words[at + 2] = digest, 0, now_ns + expiry * 1_000_000_000
            words[at + 1] += amount
            return words[at + 1]
        finally:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    async def get(self, key: str) -> int:
        """The count of the key's living window."""
        now_ns = time.time_ns()
        at, digest = self._find(key, now_ns)
        words = self._page.words
        return words[at + 1] if words[at] == digest and words[at + 2] > now_ns else 0

    async def get_expiry(self, key: str) -> float:
        """Unix seconds at which the key's window ends."""
        now_ns = time.time_ns()
        at, digest = self._find(key, now_ns)
        words = self._page.words
        return words[at + 2] / 1e9 if words[at] == digest else now_ns / 1e9

    async def check(self) -> bool:
        """It is always there."""
        return True

    async def reset(self) -> int | None:
        """Forgets every key."""
        self._page.bytes[:] = bytes(len(self._page.bytes))
        return None

    async def clear(self, key: str) -> None:
        """Forgets one key."""
        at, digest = self._find(key, time.time_ns())
        if self._page.words[at] == digest:
            self._page.words[at + 2] = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        name: `user`, `client` or `login`; the label of its metric.
        item: How many in which window.
    """

    name: str
    item: RateLimitItem


class RateLimits:
    """The rules of one worker; a rule that is not set costs nothing.

    Args:
        settings: The rules, and where the counters are.
        page: Shared counters, used unless a Redis URL is set.
        metrics: Counts refusals.
    """

    def __init__(self, settings: Settings, page: Page, metrics: Metrics) -> None:
        store = settings.rate_limit_url
        # The client that the cache uses, too; another one would be one more dependency.
        storage = storage_from_string(f"async+{store}", implementation="redispy") if store else SharedStorage(page)
        assert isinstance(storage, Storage)  # noqa: S101 - the prefix `async+` makes it one
        self._limiter = FixedWindowRateLimiter(storage)
        self._lost = storage.base_exceptions
        self._metrics = metrics
        self.user = _rule("user", settings.rate_limit_user)
        self.client = _rule("client", settings.rate_limit_client)
        self.login = _rule("login", settings.rate_limit_login)

    async def check(self, rule: Rule | None, identity: str, context: RequestContext) -> None:
        """Counts one request of an identity. While the counters cannot be reached it passes, and that is counted.

        Raises:
            ProblemError: 429 with `Retry-After`, when it is over the limit.
        """
        if rule is None:
            return
        item = rule.item
        try:
            allowed = await self._limiter.hit(item, rule.name, identity)
            window = await self._limiter.get_window_stats(item, rule.name, identity)
        except self._lost:
            # An outage of the counters would else be one of the whole gateway.
            self._metrics.unlimited.labels(rule.name).inc()
            return
        wait = str(max(1, math.ceil(window.reset_time - time.time())))
        headers = {
            "RateLimit-Limit": str(item.amount),
            "RateLimit-Remaining": str(max(0, window.remaining)),
            "RateLimit-Reset": wait,
        }
        if not allowed:
            self._metrics.limited.labels(rule.name).inc()
            # Of several rules the one that refuses is what the client must know.
            context.headers = [(name, value) for name, value in context.headers if not name.startswith(b"ratelimit-")]
            raise ProblemError(429, f"over the limit of {item}", {**headers, "Retry-After": wait})
        if not any(name == b"ratelimit-limit" for name, _ in context.headers) or _tighter(window.remaining, context):
            context.headers = [(name, value) for name, value in context.headers if not name.startswith(b"ratelimit-")]
            context.headers.extend((name.lower().encode(), value.encode()) for name, value in headers.items())


def _tighter(remaining: int, context: RequestContext) -> bool:
    """Whether fewer requests are left than another rule has said already."""
    said = next(value for name, value in context.headers if name == b"ratelimit-remaining")
    return remaining < int(said)


def _rule(name: str, text: str) -> Rule | None:
    return Rule(name, parse(text)) if text else None
