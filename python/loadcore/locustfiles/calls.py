"""Requests of greenlets: each greenlet waits for its own answer, and the others run meanwhile."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import gevent
from gevent import getcurrent, monkey
from gevent.exceptions import ConcurrentObjectUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.crossing import Answer, Crossing, StreamedAnswer, Verdict, Wish


_native_thread = monkey.get_original("_thread", "get_ident")
"""Which native thread this is: gevent gives every greenlet a number of its own."""


class ForeignThreadError(RuntimeError):
    """A request was made from a thread in which no users run."""


class Calls:
    """Sends the requests of greenlets and wakes each when its answer has come.

    Args:
        crossing: The way to the engine.
    """

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing
        self._waiting: dict[Answer, Any] = {}
        self._undecided: dict[Any, Verdict] = {}
        self._is_flush_due = False
        self._thread = _native_thread()
        self._numbers = itertools.count()
        self._hub = gevent.get_hub()
        self._run_later = self._hub.loop.run_callback
        self._watcher = self._hub.loop.io(crossing.fileno(), 1)
        self._watcher.start(self._take)

    def close(self) -> None:
        """Take no more answers."""
        self._watcher.stop()
        self._watcher.close()

    def join(self) -> int:
        """The number of a user that joins the run."""
        number = next(self._numbers)
        self._crossing.join(number)
        self._hand_over()
        return number

    def leave(self, user: int) -> None:
        """A user has left."""
        self._crossing.leave(user)
        self._hand_over()

    def call(self, user: int, wish: Wish) -> Answer:
        """Send a request and wait for its answer, or for the head of one that streams.

        A greenlet that is killed meanwhile gives the request up.

        Raises:
            ForeignThreadError: This is not the thread in which the users run.
        """
        if _native_thread() != self._thread:
            raise ForeignThreadError(_foreign(wish))
        request = self._crossing.send(user, wish)
        if not self._is_flush_due:
            self._is_flush_due = True
            self._run_later(self._flush)
        waiting = self._waiting
        waiting[request] = getcurrent()
        try:
            while request in waiting:
                self._hub.switch()
        except BaseException:
            if waiting.pop(request, None) is not None:
                self._crossing.cancel(request)
                self._crossing.flush()
            raise
        return request

    def wait(self, request: StreamedAnswer) -> None:
        """Wait until something more of an answer has come. A greenlet that is killed meanwhile gives it up.

        Raises:
            ForeignThreadError: This is not the thread in which the users run.
            ConcurrentObjectUseError: Another greenlet waits for it.
        """
        if _native_thread() != self._thread:
            raise ForeignThreadError(_FOREIGN_READER)
        waiting = self._waiting
        if request in waiting:
            message = "another greenlet reads this response already"
            raise ConcurrentObjectUseError(message)
        # What was read makes room for more.
        self._hand_over()
        waiting[request] = getcurrent()
        try:
            while request in waiting:
                self._hub.switch()
        except gevent.GreenletExit:
            self._crossing.cancel(request)
            self._crossing.flush()
            raise
        finally:
            waiting.pop(request, None)

    def cut(self, request: StreamedAnswer) -> None:
        """Have no more of an answer."""
        # The garbage collector may say so in the middle of anything.
        self.later(self._cut, request)

    def _cut(self, request: StreamedAnswer) -> None:
        self._crossing.cut(request)
        self._crossing.flush()

    def later(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function when the greenlet that runs is not in the middle of anything.

        The garbage collector may ask for it in another thread.
        """
        if _native_thread() == self._thread:
            self._run_later(function, *arguments)
        else:
            self._hub.loop.run_callback_threadsafe(function, *arguments)

    def settle(self, request: Answer, verdict: Verdict) -> None:
        """Decide a row that was held."""
        self._crossing.settle(request, verdict)
        self._hand_over()

    def settle_at_end(self, request: StreamedAnswer, verdict: Verdict) -> None:
        """Decide the row of an answer that streams: there is one once it has ended."""
        if request.done():
            self.settle(request, verdict)
        else:
            self._undecided[request] = verdict

    def row(self, user: int, name: str, method: str, *, duration_ns: int, size: int, is_error: bool) -> None:
        """Record something that user code measured itself."""
        self._crossing.row(user, name, method, duration_ns=duration_ns, size=size, is_error=is_error)
        self._hand_over()

    def _hand_over(self) -> None:
        """What greenlets say that run in the same turn of the hub leaves together, after the last of them."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._run_later(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        self._crossing.flush()

    def _take(self) -> None:
        """Wake all whose answers have come."""
        waiting, undecided = self._waiting, self._undecided
        for request in self._crossing.take():
            greenlet = waiting.pop(request, None)
            if greenlet is not None:
                greenlet.switch()
            if undecided:
                self._decide(request)

    def _decide(self, request: Any) -> None:
        """Settle the row of an answer that streamed, once there is one."""
        if request in self._undecided and request.done():
            self.settle(request, self._undecided.pop(request))


_FOREIGN_READER = (
    "a response is read in a thread of its own: users run in the main thread; use gevent.spawn in place of a thread"
)


def _foreign(wish: Wish) -> str:
    name = threading.current_thread().name
    return (
        f"{wish.method} {wish.url} was called from the thread {name!r}: users run in the main thread; "
        "use gevent.spawn in place of a thread, or call requests directly (without a row)"
    )
