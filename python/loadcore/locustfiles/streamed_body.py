"""The body of a response that is read while it comes (`stream=True`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from loadcore.locustfiles import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.calls import Calls
    from loadcore.locustfiles.crossing import StreamedAnswer


class StreamedBody:
    """What urllib3 and geventhttpclient read in place of a socket.

    No more is received than is read, beyond the engine's window. Whoever reads waits alone: other users run meanwhile.

    Args:
        calls: Where the request went.
        answer: Its answer, whose head has come.
        broken_off: Makes the error of a body that ends too soon.
    """

    def __init__(self, calls: Calls, answer: StreamedAnswer, broken_off: Callable[[], Exception]) -> None:
        self._calls = calls
        self._answer = answer
        self._broken_off = broken_off
        self._piece = b""
        self._position = 0
        self.closed = False
        """Whether it has ended, or was closed."""

    def read1(self, size: int | None = -1) -> bytes:
        """What has come, up to a number of bytes. Waits for the first one; none at the end."""
        if self._position == len(self._piece) and not self._next():
            return b""
        begin = self._position
        self._position = len(self._piece) if size is None or size < 0 else min(len(self._piece), begin + size)
        return self._piece[begin : self._position]

    def read(self, size: int | None = None) -> bytes:
        """As many bytes as are asked for; less only at the end. Without a number: all of it."""
        left = None if size is None or size < 0 else size
        parts = []
        while left != 0 and (part := self.read1(left)):
            parts.append(part)
            left = None if left is None else left - len(part)
        return b"".join(parts)

    def unread(self, rest: bytes) -> None:
        """Take back what was read last."""
        self._piece, self._position = rest + self._piece[self._position :], 0

    def close(self) -> None:
        """Enough has been read: the engine closes the connection, if the end has not come."""
        if not self.closed:
            self._end()
            self._calls.cut(self._answer)

    def _end(self) -> None:
        self.closed = True
        self._piece, self._position = b"", 0

    def _next(self) -> bool:
        """Wait for the next piece; whether there is one."""
        answer = self._answer
        while not self.closed:
            taken = answer.piece()
            if taken is not None:
                self._piece, self._position = taken[0], 0
                return True
            if answer.done():
                self._end()
                if answer.outcome is not None:
                    raise self._fault(answer.outcome)
                break
            self._calls.wait(answer)
        return False

    def _fault(self, outcome: str) -> BaseException:
        if outcome == outcomes.INTERRUPTED:
            return gevent.GreenletExit()
        return self._broken_off() if outcome in outcomes.CUT_OFF else outcomes.cause_of(outcome)
