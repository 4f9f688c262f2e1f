"""Who goes first: a worker that sends, before all that can wait."""

from __future__ import annotations

import contextlib
import os
import threading
from importlib import import_module

NICENESS = 5
"""Of what can wait for a moment: beside a thread that wants the core all the time it gets a quarter of it. The run is
watched only once that is imported, so it may not starve: at 10, two busy programs kept a run unheard for 7 s."""


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
