"""Responses that are read while they come: `async with c.stream("GET", "/events") as s`."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final, Generic, NoReturn, Self, TypeVar, final

from loadcore.scripting.body import Event, Events, Lines
from loadcore.scripting.decompression import Decompression
from loadcore.scripting.duration import Duration
from loadcore.scripting.failures import IterationFailed, NoResponse, UnexpectedStatus
from loadcore.scripting.reading import Headers, parameter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

    from loadcore.scripting.port import Streamed

Item = TypeVar("Item")

_LONGEST_TEXT: Final = 64 * 1024 * 1024
_NO_ERRORS: Final = frozenset({None, "cut"})


@final
class Opening(AbstractAsyncContextManager["Stream"]):
    """What `c.stream(…)` gives: the request is sent when its block is entered, and its end is known after it.

    Args:
        send: Sends the request.
    """

    __slots__ = ("_call", "_send")
    _call: Streamed

    def __init__(self, send: Callable[[], Streamed]) -> None:
        self._send = send

    async def __aenter__(self) -> Stream:
        self._call = call = self._send()
        try:
            while not (call.is_open or call.done()):
                await call.news()
        except BaseException:
            call.cancel()
            raise
        return Stream(call)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not self._call.done():
            self._call.close()
        await self._call

    def __await__(self) -> NoReturn:
        raise _misused("is not awaited")

    def __aiter__(self) -> NoReturn:
        raise _misused("is read in its block")

    def __enter__(self) -> NoReturn:
        raise _misused("needs async with")

    def __exit__(self, *_: object) -> NoReturn:
        raise _misused("needs async with")


def _misused(what: str) -> TypeError:
    return TypeError(f'c.stream() {what}: write async with c.stream("GET", "/events") as s')


@final
class Stream:
    """A response that is read while it comes. A fault is a value: `error` says which.

    Its events, lines, chunks or text can be read once, and only one of these. What has come when a server breaks off
    can be read; then the reading ends, and `error` is set.
    """

    __slots__ = ("_at_ns", "_call", "_decompression", "_headers", "_parts")

    def __init__(self, call: Streamed, /) -> None:
        self._call = call
        self._headers: Headers | None = None
        self._decompression: Decompression | None = None
        self._parts: Iterator[bytes] = iter(())
        self._at_ns = 0

    @property
    def status(self) -> int:
        """The status; 0 where no response arrived."""
        return self._call.status

    @property
    def error(self) -> str | None:
        """The outcome (`connect_refused`, `closed_in_body`, …) once something has gone wrong; None so far."""
        outcome = self._call.outcome
        return None if outcome in _NO_ERRORS else outcome

    @property
    def ok(self) -> bool:
        """Whether a response has arrived whose status is as `expect` says, and nothing has gone wrong so far."""
        return self._call.ok

    @property
    def name(self) -> str:
        """The name of its step."""
        return self._call.name

    @property
    def url(self) -> str:
        """Where it comes from, after redirects."""
        return self._call.url

    @property
    def headers(self) -> Headers:
        """The header fields."""
        if self._headers is None:
            self._headers = Headers(self._arrived().head)
        return self._headers

    @property
    def ttfb(self) -> Duration:
        """Send to the first byte of the response."""
        return Duration(self._arrived().ttfb_ns)

    @property
    def ttft(self) -> Duration | None:
        """Due to the first piece of the body; None until then."""
        ns = self._call.ttft_ns
        return None if ns is None else Duration(ns)

    @property
    def stall(self) -> Duration | None:
        """The longest time that the next piece of the body took to come, so far; None until two have come.

        A time in which nothing was received since you read too slowly does not count.
        """
        ns = self._call.stall_ns
        return None if ns is None else Duration(ns)

    def __aiter__(self) -> _Reading[Event]:
        """Its server-sent events."""
        events, arrived = Events(), self._by_lines()

        async def read() -> Event | None:
            async for line in arrived:
                if (found := events.feed(line)) is not None:
                    return Event(*found, at=Duration(self._at_ns - self._call.started_ns))
            return None

        return _Reading(read)

    def lines(self) -> _Reading[str]:
        """Its lines, without their ends."""
        return self._by_lines()

    def chunks(self) -> _Reading[bytes]:
        """Its bytes in pieces as they come, decompressed. How they are cut is the network's doing."""
        return _Reading(self._part)

    async def text(self) -> str:
        """All of it as a string, once it has ended.

        Raises:
            IterationFailed: It is longer than 64 MiB.
        """
        parts, size = [], 0
        while (part := await self._part()) is not None:
            parts.append(part)
            size += len(part)
            if size > _LONGEST_TEXT:
                raise IterationFailed(f"{self.name}: the text is longer than 64 MiB: read it piece by piece")
        return b"".join(parts).decode(self._charset(), "replace")

    def raise_for_error(self) -> Self:
        """Ends the iteration as failed unless `ok`; else the stream itself.

        Raises:
            NoResponse: No response arrived, or the server broke it off.
            UnexpectedStatus: Its status is not one that `expect` names.
        """
        if self.error is not None:
            raise NoResponse(f"{self.name}: no complete response: {self.error}", self.error)
        if not self.ok:
            raise UnexpectedStatus(f"{self.name}: the status is {self.status}")
        return self

    def __repr__(self) -> str:
        """`<200 GET /events, open>`, `<connect_refused GET /x>`."""
        if self.error is not None:
            return f"<{self.error} {self.name}>"
        return f"<{self.status} {self.name}, {'ended' if self._call.done() else 'open'}>"

    def _arrived(self) -> Streamed:
        """The call, if its head has come."""
        if not self._call.is_open:
            outcome = self._call.outcome or "interrupted"
            raise NoResponse(f"{self.name}: no response: {outcome}", outcome)
        return self._call

    def _charset(self) -> str:
        charset = parameter(self.headers.get("Content-Type", ""), "charset") or "utf-8"
        try:
            b"".decode(charset)
        except LookupError:
            return "utf-8"
        return charset

    async def _part(self) -> bytes | None:
        """The next part of the body, decompressed; None: it has ended."""
        try:
            while (part := next(self._parts, None)) is None:
                if (piece := await self._piece()) is None:
                    return None
                self._parts = piece
        except ValueError as error:
            raise IterationFailed(f"{self.name}: {error}") from error
        return part

    async def _piece(self) -> Iterator[bytes] | None:
        """The parts of the next piece that comes; None: none will."""
        call = self._arrived()
        while (taken := call.piece()) is None:
            if call.done():
                if call.outcome is None and self._decompression is not None:
                    self._decompression.end()
                return None
            await call.news()
        piece, self._at_ns = taken
        if self._decompression is None:
            self._decompression = Decompression(", ".join(self.headers.get_list("Content-Encoding")))
        return self._decompression.feed(piece)

    def _by_lines(self) -> _Reading[str]:
        cut: Lines | None = None
        ready: deque[str] = deque()
        is_over = False

        async def read() -> str | None:
            nonlocal cut, is_over
            while not (ready or is_over):
                part = await self._part()
                cut = cut or Lines(self._charset())
                is_over = part is None
                ready.extend(cut.end() if part is None else cut.feed(part))
            return ready.popleft() if ready else None

        return _Reading(read)


@final
class _Reading(Generic[Item]):
    """What `async for` goes through. Not a generator: one that is left early would have to be closed."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], Awaitable[Item | None]], /) -> None:
        self._read = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        item = await self._read()
        if item is None:
            raise StopAsyncIteration
        return item
