"""Responses by policy: the target does what it was configured to do, so they are not failures."""

from __future__ import annotations

from typing import Literal

Policy = Literal["rate_limit", "authorization", "circuit_breaker"]

_BY_STATUS: dict[int, Policy] = {401: "authorization", 403: "authorization", 429: "rate_limit"}
_UNAVAILABLE = 503


def policy(status: int, *, asks_to_wait: bool) -> Policy | None:
    """By which policy a target answers with this status.

    Args:
        status: Of an answer that counts as an error.
        asks_to_wait: Whether the answer has a `Retry-After`: a 503 that has one was meant, by a breaker or a limit.
    """
    if status == _UNAVAILABLE:
        return "circuit_breaker" if asks_to_wait else None
    return _BY_STATUS.get(status)
