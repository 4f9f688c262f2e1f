"""What a user's code needs of the engine: its `ScriptUser`, `Crossing` and `Turn` have all of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Generator, Mapping, Sequence
    from typing import Any

    from loadcore.scripting.response import Response


class Pending(Protocol):
    """A request that has been made."""

    @property
    def name(self) -> str:
        """Of its step."""
        ...

    def cancel(self) -> object:
        """Gives it up."""
        ...


class Streamed(Protocol):
    """A request whose response is read while it comes. Done when that has ended."""

    @property
    def name(self) -> str:
        """Of its step."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the head of the response has come."""
        ...

    @property
    def status(self) -> int:
        """The status; 0: none has come."""
        ...

    @property
    def ok(self) -> bool:
        """Whether the status is expected, and nothing has gone wrong so far."""
        ...

    @property
    def outcome(self) -> str | None:
        """Why the response is not complete, as results name it."""
        ...

    @property
    def head(self) -> list[tuple[bytes, bytes]]:
        """Names and values of the headers."""
        ...

    @property
    def url(self) -> str:
        """Where the response comes from."""
        ...

    @property
    def started_ns(self) -> int:
        """When it was sent."""
        ...

    @property
    def ttfb_ns(self) -> int:
        """Send to first byte."""
        ...

    @property
    def ttft_ns(self) -> int | None:
        """Due to the first piece of the body."""
        ...

    @property
    def stall_ns(self) -> int | None:
        """The longest time between two pieces."""
        ...

    def piece(self) -> tuple[bytes, int] | None:
        """The next piece of the body that has come, and when that was."""
        ...

    def news(self) -> Awaitable[object]:
        """Done when there is something to look at."""
        ...

    def close(self) -> None:
        """Says that enough has come."""
        ...

    def cancel(self) -> object:
        """Gives it up."""
        ...

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def __await__(self) -> Generator[Any, None, object]:
        """Waits for its end."""
        ...


class Port(Protocol):
    """A user, as the engine knows it. Nothing here waits, but for what is awaited."""

    @property
    def number(self) -> int:
        """Of the user, over all workers."""
        ...

    @property
    def faults(self) -> int:
        """How many requests of this turn were errors."""
        ...

    def send(  # noqa: PLR0913 - as native code takes it
        self,
        name: str,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        timeouts: tuple[int | None, int | None, int | None] | None = None,
        expect: Sequence[tuple[int, int]] = (),
        max_redirects: int | None = None,
        anonymous: bool = False,
        streamed: bool = False,
    ) -> Coroutine[Any, Any, Response]:
        """Hands a request over, which is sent at the next await. One that is streamed is a `Streamed`."""
        ...

    def wait(self, ns: int) -> Awaitable[object]:
        """Waits for a number of nanoseconds."""
        ...

    def pending(self) -> Sequence[Pending]:
        """The requests of this turn that were never awaited."""
        ...

    def check(self, name: str, held: bool) -> None:  # noqa: FBT001 - as native code takes it
        """Counts a check."""
        ...

    def group(self, name: str, duration_ns: int, ok: bool) -> None:  # noqa: FBT001
        """Counts a group."""
        ...

    def row(self, name: str, kind: str, started_ns: int, duration_ns: int, size: int = 0, error: bool = False) -> None:  # noqa: FBT001, FBT002
        """Makes a row of something that is not a request of the engine's."""
        ...

    def set(self, name: str, value: str) -> None:
        """Gives a variable a value, for declared steps that follow."""
        ...


class Run(Protocol):
    """The engine's side of a worker."""

    def now_ns(self) -> int:
        """The time of the run's clock."""
        ...

    def abort(self, reason: str) -> None:
        """Ends the run."""
        ...


class Turn(Protocol):
    """An iteration of a user, or its start, or its stop."""

    @property
    def iteration(self) -> int:
        """Its number, of this user."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that have a value."""
        ...
