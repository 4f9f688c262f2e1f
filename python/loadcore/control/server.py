"""The socket of a run, for this user alone. Whatever happens there, the run continues.

Connections are taken by a thread of their own, few at a time and not faster than some in a second. What is asked for
waits in a queue until the supervisor comes by.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from loadcore.control.address import NAME, address_in
from loadcore.control.peer import may_ask
from loadcore.control.wire import MOST_BYTES, RefusedError, Reply, Request, decode_request, encode, read_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

MOST_AT_ONCE: Final = 8
"""Connections that are served at a time; further ones wait to be accepted."""
READ_WITHIN_S: Final = 2.0
"""How long a client may take for its request, and for reading the answer."""
ANSWER_WITHIN_S: Final = 8.0
_PAUSE_S: Final = 0.02
"""Between two connections: no one keeps this process busy by connecting."""
_LOOK_S: Final = 0.2


@dataclass(slots=True)
class Question:
    """A request that waits for its answer."""

    request: Request
    reply: Reply | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    def answer(self, reply: Reply) -> None:
        """Give the answer."""
        self.reply = reply
        self.answered.set()


class ControlSocket:
    """Takes requests. As a context manager it closes, and removes the socket.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listener: socket.socket | None = None
        self._questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._places = threading.Semaphore(MOST_AT_ONCE)
        self._closed = threading.Event()

    def open(self) -> str | None:
        """Begin to take requests.

        Returns:
            Why that cannot be done, in a few words; None if it is.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # What bind makes has this mode from the beginning, where the system looks at it.
            os.fchmod(listener.fileno(), 0o600)
            with address_in(self._folder) as address:
                listener.bind(address)
            (self._folder / NAME).chmod(0o600)
            listener.listen(MOST_AT_ONCE)
            listener.settimeout(0)
            threading.Thread(target=self._accept, args=(listener,), name="control", daemon=True).start()
        except (OSError, RuntimeError) as problem:
            listener.close()
            return getattr(problem, "strerror", None) or str(problem)
        self._listener = listener
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no more requests. Those that wait hear that the run has ended."""
        self._closed.set()
        if self._listener is None:
            return
        self._listener.close()
        with contextlib.suppress(OSError):
            (self._folder / NAME).unlink(missing_ok=True)
        self.serve(lambda _request: Reply(error="the run has ended"))

    def serve(self, answer: Callable[[Request], Reply]) -> None:
        """Answer what has been asked for since the last time."""
        for _ in range(MOST_AT_ONCE):
            try:
                question = self._questions.get_nowait()
            except queue.Empty:
                return
            try:
                question.answer(answer(question.request))
            except RefusedError as refused:
                question.answer(Reply(error=str(refused), hint=refused.hint))
            except Exception as problem:  # noqa: BLE001 - whatever it was, the run continues
                question.answer(Reply(error=f"the run could not do that: {problem}"))

    def _accept(self, listener: socket.socket) -> None:
        while not self._closed.is_set():
            # Not `time.sleep`: it fails where a library fakes the wall clock.
            select.select([], [], [], _PAUSE_S)
            if not self._places.acquire(blocking=False):
                continue
            try:
                if select.select([listener], [], [], _LOOK_S)[0]:
                    connection, _ = listener.accept()
                    threading.Thread(target=self._attend, args=(connection,), name="asks", daemon=True).start()
                    continue
            except (OSError, RuntimeError, ValueError):
                # The listener is closed, or descriptors or threads have run out: the run needs them more.
                select.select([], [], [], _LOOK_S)
            self._places.release()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                reply = self._reply_to(connection)
                connection.settimeout(READ_WITHIN_S)
                connection.sendall(encode(reply))
        finally:
            self._places.release()

    def _reply_to(self, connection: socket.socket) -> Reply:
        try:
            line = read_line(connection, READ_WITHIN_S, MOST_BYTES)
            # Only now: who is refused has said what there is to say, and hears why.
            if not may_ask(connection):
                return Reply(error="the run belongs to another user")
            question = Question(decode_request(line))
        except RefusedError as refused:
            return Reply(error=str(refused), hint=refused.hint)
        except TimeoutError:
            return Reply(error=f"the request did not come within {READ_WITHIN_S:g} s")
        self._questions.put(question)
        question.answered.wait(ANSWER_WITHIN_S)
        return question.reply or Reply(error="the run is too busy to answer")
