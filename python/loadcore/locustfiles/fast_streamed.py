"""Responses of `FastHttpUser` that are read while they come (`stream=True`): as they are sent, not decompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geventhttpclient.response import HTTPParseError, HTTPSocketResponse

from loadcore.locustfiles.fast_response import RingMessage, sent_request
from loadcore.locustfiles.streamed_body import StreamedBody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.locustfiles.calls import Calls
    from loadcore.locustfiles.crossing import StreamedAnswer

_BLOCK = HTTPSocketResponse.DEFAULT_BLOCK_SIZE


class StreamedMessage(RingMessage):
    """What `FastResponse` asks of geventhttpclient's response. Forgotten, it ends."""

    def __init__(self, calls: Calls, answer: StreamedAnswer, sent: str) -> None:
        super().__init__(answer, sent)
        self._body = StreamedBody(calls, answer, lambda: HTTPParseError("Incomplete response."))

    @property
    def message_complete(self) -> bool:
        """Whether all of it was read."""
        return self._body.closed

    def read(self, length: int | None = None) -> bytes:
        """As many bytes as are asked for, as they were sent; less only at the end."""
        return self._body.read(length)

    def readline(self, sep: bytes = b"\r\n") -> bytes:
        """The next line, with what separates it; none if the end comes first. What came instead is still to be read."""
        line = b""
        while (found := line.find(sep)) < 0:
            if not (part := self._body.read1()):
                self._body.unread(line)
                return b""
            line += part
        end = found + len(sep)
        self._body.unread(line[end:])
        return line[:end]

    def __iter__(self) -> Iterator[bytes]:
        """Blocks of the body."""
        while block := self.read(_BLOCK):
            yield block

    def release(self) -> None:
        """No more is wanted."""
        self._body.close()

    def should_close(self) -> bool:
        """The engine minds the connections."""
        return False

    def __del__(self) -> None:
        """User code forgot it."""
        self.release()


def as_streamed_response(kind: type, calls: Calls, answer: StreamedAnswer, request: Any) -> Any:
    """An answer whose head has come as `FastResponse`."""
    sent = sent_request(request)
    return kind(StreamedMessage(calls, answer, sent), request=request, sent_request=sent)
