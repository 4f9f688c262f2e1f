"""When to stop asking an upstream, and how often to ask twice."""

import math
import time
from collections.abc import Callable


class Breaker:
    """Opens after failures in a row, then lets one request at a time try whether the upstream is back.

    Args:
        failures: How many in a row open it; 0 never.
        open_s: Seconds until the first trial.
        clock: Monotonic seconds.
    """

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._trial_at: float | None = None

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._clock() < self._opened_at + self._open_s else "half_open"

    @property
    def retry_after(self) -> str:
        """Seconds until a trial, for `Retry-After`."""
        opened_at = self._opened_at or 0.0
        return str(max(1, math.ceil(opened_at + self._open_s - self._clock())))

    def allows(self) -> bool:
        """Whether a request may be sent now; in half-open state the one that may is the trial."""
        if self._opened_at is None:
            return True
        now = self._clock()
        if now < self._opened_at + self._open_s:
            return False
        # A trial whose caller vanished must not keep the breaker open for ever: after a while another may try.
        if self._trial_at is not None and now < self._trial_at + self._open_s:
            return False
        self._trial_at = now
        return True

    def succeeded(self) -> None:
        """A request was answered well: closed."""
        self._failures = 0
        self._opened_at = None
        self._trial_at = None

    def failed(self) -> None:
        """A request failed: opens at the limit, and again after a failed trial."""
        self._failures += 1
        if self._limit and self._failures >= self._limit:
            self._opened_at = self._clock()
            self._trial_at = None


class RetryBudget:
    """Retries as a share of requests, so that they cannot multiply the load on a failing upstream.

    Args:
        share: Retries earned per request.
        most: How many can be saved up.
    """

    def __init__(self, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._saved = most

    def deposit(self) -> None:
        """One request was sent."""
        self._saved = min(self._most, self._saved + self._share)

    def withdraw(self) -> bool:
        """Takes one retry; whether there was one."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
