"""A worker's lease: the moment at which it ends by itself unless it learns of a later one.

A node whose agent hangs cannot end its workers, and another node may have their share by then.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NS = 1_000_000_000


class Lease:
    """Watches a moment of CLOCK_MONOTONIC in a thread of its own, from the first one that it learns of.

    Args:
        end: Called once it has passed.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._until_ns = 0

    def renew(self, until_ns: int) -> None:
        """It lasts until then, at the least."""
        is_first = not self._until_ns
        self._until_ns = max(self._until_ns, until_ns)
        if is_first:
            threading.Thread(target=self._watch, name="lease", daemon=True).start()

    def _watch(self) -> None:
        while (left_ns := self._until_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / _NS)
        self._end()
