"""What takes the engine's place in tests of clients: answers are made by a function of the test."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.engine import Tally
    from loadcore.locustfiles.crossing import Answer, Verdict, Wish


@dataclass(eq=False)
class DoubleAnswer:
    """An answer, as a test makes it."""

    status: int = 200
    body: bytes = b"{}"
    head: list[tuple[bytes, bytes]] = field(default_factory=list)
    outcome: str | None = None
    service_ns: int = 1_500_000
    response_ns: int = 1_700_000
    wish: Wish | None = None

    def header(self, name: str) -> bytes | None:
        """The first header of a name."""
        return next((value for known, value in self.head if known.decode().lower() == name.lower()), None)

    def final_status(self, follows: bool) -> int:
        """Of what ends its call and changes nothing of its session."""
        is_followed = follows and self.status in range(301, 309)
        is_final = self.outcome is None and not is_followed and self.header("set-cookie") is None
        return self.status if is_final else 0

    def count_in(self, tally: Tally) -> bool:
        """Count it."""
        return tally.add(self.service_ns / 1e6, len(self.body))


class DoubleCrossing:
    """Takes requests and gives each the answer that `respond` makes; None: it is never answered."""

    def __init__(self) -> None:
        self.respond: Callable[[Wish], DoubleAnswer | None] = lambda _wish: DoubleAnswer()
        self.wishes: list[Wish] = []
        self.users: list[int] = []
        self.present: set[int] = set()
        self.cancelled: list[DoubleAnswer] = []
        self.cuts: list[DoubleAnswer] = []
        self.settled: list[tuple[str, Verdict]] = []
        self.rows: list[tuple[str, str, int, bool]] = []
        self._queued: list[DoubleAnswer] = []
        self._ready: list[DoubleAnswer] = []
        self._signal = os.eventfd(0, os.EFD_NONBLOCK)

    def close(self) -> None:
        """Give back what it holds."""
        os.close(self._signal)

    def fileno(self) -> int:
        """Readable when answers wait."""
        return self._signal

    def join(self, user: int) -> None:
        """A user joins."""
        self.present.add(user)

    def leave(self, user: int) -> None:
        """A user leaves."""
        self.present.discard(user)

    def send(self, user: int, wish: Wish) -> DoubleAnswer:
        """Queue a request."""
        assert user in self.present, "only users that have joined send"
        self.wishes.append(wish)
        self.users.append(user)
        answer = self.respond(wish) or DoubleAnswer(status=-1)
        answer.wish = wish
        self._queued.append(answer)
        return answer

    def flush(self) -> None:
        """Answer all that was queued."""
        ready = [answer for answer in self._queued if answer.status != -1]
        self._queued.clear()
        if ready:
            self._ready += ready
            os.eventfd_write(self._signal, 1)

    def take(self) -> list[DoubleAnswer]:
        """What was answered since."""
        os.eventfd_read(self._signal)
        ready, self._ready = self._ready, []
        return ready

    def cancel(self, request: Answer) -> None:
        """Note what was given up."""
        assert isinstance(request, DoubleAnswer)
        self.cancelled.append(request)

    def cut(self, request: Answer) -> None:
        """Note what was left."""
        assert isinstance(request, DoubleAnswer)
        self.cuts.append(request)

    def settle(self, request: Answer, verdict: Verdict) -> None:
        """Note what was decided."""
        assert isinstance(request, DoubleAnswer)
        assert request.wish is not None
        self.settled.append((request.wish.name, verdict))

    def row(self, user: int, name: str, method: str, *, duration_ns: int, size: int, is_error: bool) -> None:
        """Note what user code measured."""
        assert user >= 0
        assert duration_ns >= 0
        self.rows.append((method, name, size, is_error))
