"""Who goes first: a worker that sends, before all that can wait."""

from __future__ import annotations

import contextlib
import os
import threading
from importlib import import_module

NICENESS = 10
"""Of what can wait. Beside a thread that wants the core all the time it gets about a tenth of it."""


def give_way() -> None:
    """Lower the priority of this thread, and of those that it starts from now on. Raising it again needs rights."""
    with contextlib.suppress(OSError):  # Where threads have no priorities of their own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def import_giving_way(*modules: str) -> None:
    """Import modules while workers send: in a thread that gives way to them, and is gone afterwards.

    A module that cannot be imported is left to whoever imports it next.
    """

    def imports() -> None:
        give_way()
        with contextlib.suppress(Exception):
            for module in modules:
                import_module(module)

    thread = threading.Thread(target=imports, name="loadcore-import", daemon=True)
    thread.start()
    thread.join()
