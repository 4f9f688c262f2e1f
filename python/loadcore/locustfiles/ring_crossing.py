"""The engine's ring as the clients of Locust's users know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.engine import Prepared
from loadcore.locustfiles.crossing import NO_TIMEOUTS, Hold, Verdict
from loadcore.locustfiles.folded_names import FoldedNames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadcore.locustfiles.crossing import Wish

_SCENARIO = 0


class RingCrossing:
    """The ring of a worker.

    Locust counts by method and name, the engine by name: its names begin with the method, as those of steps do.

    Args:
        ring: `loadcore._core.Crossing`.
        notices: Called with what concerns no request.
        say: Called with a sentence that the user should read.
        first_user: Added to the numbers of users: they are counted over all workers.
        step: From one user of this worker to the next.
    """

    def __init__(
        self,
        ring: Any,
        notices: Callable[[Any], None],
        say: Callable[[str], None],
        *,
        first_user: int = 0,
        step: int = 1,
    ) -> None:
        self._ring = ring
        self._notices = notices
        self._names = FoldedNames(say)
        self._first_user = first_user
        self._step = step
        self._users: dict[int, Any] = {}
        self.fileno = ring.fileno
        self.flush = ring.flush

    def join(self, user: int) -> None:
        """A user joins the run."""
        self._users[user] = joined = self._ring.user(_SCENARIO, self._first_user + user * self._step)
        joined.join()

    def leave(self, user: int) -> None:
        """A user has left."""
        left = self._users.pop(user, None)
        if left is not None:
            left.leave()

    def send(self, user: int, wish: Wish) -> Any:
        """Queue a request."""
        if wish.streams:
            return self._stream(self._users[user], wish)
        like = wish.like or wish
        prepared = like.written
        if prepared is None:
            prepared = like.written = self._prepared(like)
        return prepared.send(self._users[user], wish.body, wish.cookie)

    def _stream(self, user: Any, wish: Wish) -> Any:
        given = wish.timeouts
        return user.send(
            self._names.folded(f"{wish.method} {wish.name}"),
            wish.method,
            wish.url if wish.verify else _unverified(wish.url),
            wish.headers,
            wish.body,
            # Each piece may take as long as the first byte.
            timeouts=(given.connect_ns, given.first_byte_ns, given.first_byte_ns),
            max_redirects=0,
            held=wish.hold is Hold.ALL,
            held_redirects=wish.hold is Hold.REDIRECTS,
            streamed=True,
        )

    def _prepared(self, wish: Wish) -> Prepared:
        given = wish.timeouts
        return Prepared(
            self._names.folded(f"{wish.method} {wish.name}"),
            wish.method,
            wish.url if wish.verify else _unverified(wish.url),
            wish.headers,
            timeouts=None if given is NO_TIMEOUTS else (given.connect_ns, given.first_byte_ns, None),
            max_redirects=0,
            held=wish.hold is Hold.ALL,
            held_redirects=wish.hold is Hold.REDIRECTS,
        )

    def take(self) -> Sequence[Any]:
        """The requests that have ended since, and those of whose streamed answers something has come."""
        taken = self._ring.take()
        calls = [each for each in taken if type(each) is not tuple]
        if len(calls) < len(taken):
            for notice in taken:
                if type(notice) is tuple:
                    self._notices(notice)
        return calls

    def cancel(self, request: Any) -> None:
        """Give a request up."""
        request.cancel()

    def cut(self, request: Any) -> None:
        """Enough of an answer was read."""
        request.close()

    def settle(self, request: Any, verdict: Verdict) -> None:
        """Decide a row that was held."""
        request.settle(
            verdict is Verdict.ERROR,
            superseded=verdict is Verdict.SUPERSEDED,
            interrupted=verdict is Verdict.INTERRUPTED,
        )

    def row(self, user: int, name: str, method: str, *, duration_ns: int, size: int, is_error: bool) -> None:
        """Record something that user code measured itself."""
        if user not in self._users:
            self.join(user)
        now_ns = self._ring.now_ns()
        self._users[user].row(
            self._names.folded(f"{method} {name}"), method, max(0, now_ns - duration_ns), duration_ns, size, is_error
        )


def _unverified(url: str) -> str:
    """A URL whose certificate the engine does not check."""
    return f"https+insecure{url[5:]}" if url[:6].lower() == "https:" else url
