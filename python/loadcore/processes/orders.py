"""The orders that a worker gets: some act at once, the rest wait for the main thread."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING

from loadcore.processes import messages

if TYPE_CHECKING:
    from loadcore.engine import Engine
    from loadcore.processes.lease import Lease

EXIT_WITHIN_S = 2.5
"""How long a worker without a supervisor may take to seal its files."""

_READ_BYTES = 1 << 16


class Orders:
    """Reads orders in a thread of its own, so that `stop`, `interrupt` and changes of the load act at once."""

    def __init__(self, descriptor: int) -> None:
        self.orphaned = False
        """Whether the supervisor is gone."""
        self._engine: Engine | None = None
        self._stopping = self._interrupting = False
        self._lease: Lease | None = None
        self._lock = threading.Lock()
        self._descriptor = descriptor
        self._queue: queue.SimpleQueue[messages.Order | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="orders", daemon=True).start()

    def next(self) -> messages.Order | None:
        """Wait for the next order that is not acted on at once. None: there will be no more."""
        return self._queue.get()

    def attach(self, engine: Engine) -> None:
        """From now on `stop` and `interrupt` act on this engine; those that came before do so now."""
        with self._lock:
            self._engine = engine
            self._pass_on()

    def stop(self) -> None:
        """Start no more iterations."""
        self._stopping = True
        with self._lock:
            self._pass_on()

    def orphan(self) -> None:
        """The supervisor is gone: end soon, in good order if there is time for it, and at once if nothing was sent."""
        if self.orphaned:
            return
        self.orphaned = True
        if self._engine is None:
            os._exit(1)
        watchdog = threading.Timer(EXIT_WITHIN_S, os._exit, args=(1,))
        watchdog.daemon = True
        watchdog.start()
        self._interrupt()
        self._queue.put(None)

    def _renew(self, until_ns: int) -> None:
        if self._lease is None:
            from loadcore.processes.lease import Lease  # noqa: PLC0415 - on nodes only

            self._lease = Lease(self.orphan)
        self._lease.renew(until_ns)

    def _interrupt(self) -> None:
        self._interrupting = True
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._engine is None:
            return
        if self._interrupting:
            self._engine.interrupt()
        elif self._stopping:
            self._engine.stop()

    def _read(self) -> None:
        rest = b""
        # Not sys.stdin: a thread that waits in its lock would hang the interpreter's end.
        while data := os.read(self._descriptor, _READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._act(messages.decode_order(line))
        self.orphan()

    def _act(self, order: messages.Order) -> None:
        match order:
            case messages.Stop():
                self.stop()
            case messages.Interrupt():
                self._interrupt()
            case messages.Lease(until_ns):
                self._renew(until_ns)
            case messages.Change(scenario, at_ns, change):
                if self._engine is not None:  # No one changes a load before the start.
                    self._engine.order(scenario, at_ns, change)
            case _:
                self._queue.put(order)
