"""What the clients of Locust's users need of the engine: requests go one way, answers come back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.engine import Tally

NS = 1_000_000_000


class Verdict(Enum):
    """What a row that was held counts as."""

    OK = "ok"
    ERROR = "error"
    SUPERSEDED = "superseded"
    """Another request took its place: a redirect that was followed."""
    INTERRUPTED = "interrupted"
    """Its user was killed before it decided."""


class Hold(Enum):
    """Which answers leave it to the user's code what their row counts as."""

    NONE = "none"
    REDIRECTS = "redirects"
    ALL = "all"

    # An enumeration's own is a function of Python, and requests are looked up by this.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of a request in nanoseconds; None: as of the run."""

    connect_ns: int | None = None
    first_byte_ns: int | None = None


NO_TIMEOUTS = Timeouts()


@dataclass(slots=True, eq=False)
class Wish:
    """A request that user code makes. Not changed once it was sent: it is sent again.

    Attributes:
        name: What it is counted under.
        method: In capitals.
        url: Absolute.
        headers: Names and values, without those that describe the body or the connection.
        body: None: there is none, and no length is sent.
        timeouts: Deadlines.
        hold: Whether its row waits for a verdict.
        verify: Whether the certificate of an `https` target is verified.
        cookie: The `Cookie` header, which is among the headers, too, if it is all that `like` does not have.
        like: A request that is the same but for its body and its cookies.
        written: What a crossing has made of it, to be used again.
        streams: Whether its answer is read while it comes.
    """

    name: str
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None = None
    timeouts: Timeouts = NO_TIMEOUTS
    hold: Hold = Hold.NONE
    verify: bool = True
    cookie: str | None = None
    like: Wish | None = None
    written: Any = None
    streams: bool = False


class Answer(Protocol):
    """A request, and its end once it has come."""

    @property
    def status(self) -> int:
        """The status; 0 if no response came."""

    @property
    def outcome(self) -> str | None:
        """Why there is no response, one of the engine's outcomes; None if there is one."""

    @property
    def head(self) -> Sequence[tuple[bytes, bytes]]:
        """Names and values of its headers, as they came."""

    def header(self, name: str) -> bytes | None:
        """The first header of a name, in any case."""

    @property
    def body(self) -> bytes:
        """The body, decompressed. Made at each read."""

    def final_status(self, follows: bool) -> int:
        """The status of a response that ends its call and changes nothing of its session; 0 of all others.

        It sets no cookie, and is not a redirect that has to be followed.
        """

    def count_in(self, tally: Tally) -> bool:
        """Count a response in a tally, with its service time. Whether that is full."""

    @property
    def service_ns(self) -> int:
        """From sent to the last byte; 0 without a response."""

    @property
    def response_ns(self) -> int:
        """From due to the last byte, or until it was given up."""


class StreamedAnswer(Answer, Protocol):
    """An answer that is read while it comes. Its status and its head are known once the head has come."""

    @property
    def ttfb_ns(self) -> int:
        """From sent to the first byte."""

    def piece(self) -> tuple[bytes, int] | None:
        """The next piece of its body that has come, and when; None: none is there."""

    def done(self) -> bool:
        """Whether it has ended."""


class Crossing(Protocol):
    """The way to the engine and back. All of it belongs to one thread, and nothing waits."""

    def fileno(self) -> int:
        """Readable when answers wait."""

    def join(self, user: int) -> None:
        """A user joins the run."""

    def leave(self, user: int) -> None:
        """A user has left: its connections are closed."""

    def send(self, user: int, wish: Wish) -> Answer:
        """Queue a request."""

    def flush(self) -> None:
        """Hand over what was queued."""

    def take(self) -> Sequence[Answer]:
        """The requests that have ended since, and those of whose streamed answers something has come."""

    def cancel(self, request: Answer) -> None:
        """Give a request up."""

    def cut(self, request: StreamedAnswer) -> None:
        """Enough of an answer was read: what has not ended is cut."""

    def settle(self, request: Answer, verdict: Verdict) -> None:
        """Decide a row that was held."""

    def row(self, user: int, name: str, method: str, *, duration_ns: int, size: int, is_error: bool) -> None:
        """Record something that user code measured itself."""
