"""Password hashing behind a limiter of its own, with a bounded queue that can be seen; a cheap hash needs neither."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import HashParameters


class HashQueueFullError(Exception):
    """More logins wait for a hash than the settings allow."""


def make_hasher(parameters: HashParameters) -> PasswordHash:
    """An argon2id hasher of that cost."""
    return PasswordHash(
        (
            Argon2Hasher(
                time_cost=parameters.time_cost,
                memory_cost=parameters.memory_kib,
                parallelism=parameters.parallelism,
            ),
        )
    )


class PasswordVerifier:
    """Verifies passwords in a few threads, or at once where that takes no longer than handing them to a thread.

    Without a limit, forty threads would each take the memory of a hash and the event loop would starve; with it the
    queue has a length, and a login that finds it full is refused at once. Without threads nothing ever waits.

    Args:
        parameters: Cost of the hash that an unknown user is checked against, so that the answer takes as long.
        threads: Hashes computed at the same time; 0 computes each at once, within the event loop.
        queue: Logins that may wait.
        metrics: Shows running and waiting.
    """

    def __init__(self, parameters: HashParameters, threads: int, queue: int, metrics: Metrics) -> None:
        self._hasher = make_hasher(parameters)
        self._decoy = self._hasher.hash("a password that no user has")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash") if threads else None
        self._free = asyncio.Semaphore(threads)
        self._queue = queue
        self._waiting = 0
        self._metrics = metrics

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; `None` as the hash costs the same and is never right.

        Raises:
            HashQueueFullError: The queue is full.
        """
        expected = password_hash or self._decoy
        if self._pool is None:
            return self._verify(password, expected) and password_hash is not None
        if self._free.locked():
            if self._waiting >= self._queue:
                raise HashQueueFullError
            self._waiting += 1
            self._metrics.hash_waiting.inc()
            try:
                await self._free.acquire()
            finally:
                self._waiting -= 1
                self._metrics.hash_waiting.dec()
        else:
            await self._free.acquire()
        self._metrics.hash_running.inc()
        try:
            loop = asyncio.get_running_loop()
            matches = await loop.run_in_executor(self._pool, self._verify, password, expected)
        finally:
            self._metrics.hash_running.dec()
            self._free.release()
        return matches and password_hash is not None

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password, password_hash)
        except UnknownHashError:
            return False

    def close(self) -> None:
        """Ends the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
