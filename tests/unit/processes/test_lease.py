"""The lease of a worker."""

import threading
import time

from loadcore.processes.lease import Lease

WITHIN_S = 90.0


def test_it_ends_when_it_is_not_renewed() -> None:
    """Not before the latest moment, whatever the order of the messages."""
    ended = threading.Event()
    lease = Lease(ended.set)
    until_ns = time.monotonic_ns() + 300_000_000
    lease.renew(until_ns)
    lease.renew(until_ns - 250_000_000)
    assert ended.wait(WITHIN_S)
    assert time.monotonic_ns() >= until_ns


def test_it_lasts_while_it_is_renewed() -> None:
    """Each renewal moves the end."""
    ended = threading.Event()
    lease = Lease(ended.set)
    lease.renew(time.monotonic_ns() + 1_000_000_000)
    lease.renew(time.monotonic_ns() + 3_600_000_000_000)
    assert not ended.wait(1.2)
