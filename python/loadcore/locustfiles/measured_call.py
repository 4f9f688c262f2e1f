"""A call of a client: the requests that it made over the ring, and what is known when it is reported."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

from loadcore.locustfiles.crossing import Hold, Verdict

if TYPE_CHECKING:
    from loadcore.locustfiles.calls import Calls
    from loadcore.locustfiles.crossing import Answer, StreamedAnswer, Wish


REDIRECTS = range(301, 309)
"""The statuses of answers that may be followed: the rows of these are held, if those of redirects are."""


class MeasuredCall:
    """One call of a client, with its redirects.

    Args:
        calls: Where its requests go.
        user: Whose it is.
        hold: Which of its rows wait for a verdict.
        is_streamed: Whether user code reads the body while it comes.
        first: The request that was made for it already, with its answer.
    """

    __slots__ = ("answers", "calls", "first", "hold", "is_settled", "is_streamed", "name", "user")

    def __init__(
        self,
        calls: Calls,
        user: int,
        *,
        hold: Hold,
        name: str | None = None,
        is_streamed: bool = False,
        first: Answer | None = None,
    ) -> None:
        self.calls = calls
        self.user = user
        self.hold = hold
        self.name = name
        self.is_streamed = is_streamed
        self.first = first
        self.answers: list[Answer] = []
        self.is_settled = False

    def send(self, wish: Wish) -> Answer:
        """Send a request, unless it was sent before."""
        answer, self.first = self.first, None
        if answer is None:
            answer = self.calls.call(self.user, wish)
        if self.answers and self.hold is not Hold.NONE:
            self._settle_last(Verdict.SUPERSEDED)
        self.answers.append(answer)
        return answer

    @property
    def service_ms(self) -> float | None:
        """From sent to the last byte, redirects included; None if the engine had no part in it.

        Where no response came, it is the time until that was known. Where the body is read while it comes, it is the
        time until that began, as Locust has it.
        """
        return sum(map(self._time_ns, self.answers)) / 1e6 if self.answers else None

    def _time_ns(self, answer: Answer) -> int:
        if self.is_streamed and answer.status:
            return cast("StreamedAnswer", answer).ttfb_ns
        return answer.response_ns if answer.outcome else answer.service_ns

    def settle(self, *, is_error: bool) -> None:
        """The call is decided."""
        self.is_settled = True
        if self.answers and self.hold is not Hold.NONE:
            self._settle_last(Verdict.ERROR if is_error else Verdict.OK)

    def give_up(self, *, was_killed: bool) -> None:
        """The call will not be decided: its status says what it counts as, unless its user was killed."""
        if self.is_settled:
            return
        if self.first is not None:
            self.answers.append(self.first)
            self.first = None
        if was_killed and self.answers and self.hold is not Hold.NONE:
            self.is_settled = True
            self._settle_last(Verdict.INTERRUPTED)
        elif self.answers:
            self.settle(is_error=self.answers[-1].status >= 400)  # noqa: PLR2004 - HTTP

    def __del__(self) -> None:
        """User code forgot it: nothing decides it any more."""
        if not self.is_settled and self.hold is not Hold.NONE and (self.answers or self.first):
            # The garbage collector may say so in the middle of anything.
            self.calls.later(self._forget)

    def _forget(self) -> None:
        self.give_up(was_killed=False)

    def _settle_last(self, verdict: Verdict) -> None:
        answer = self.answers[-1]
        if self.hold is not Hold.ALL and answer.status not in REDIRECTS:
            return
        if self.is_streamed:
            self.calls.settle_at_end(cast("StreamedAnswer", answer), verdict)
        elif answer.outcome is None:
            self.calls.settle(answer, verdict)


current: ContextVar[MeasuredCall | None] = ContextVar("loadcore_call", default=None)
"""The call that the code of a client is making in this greenlet."""
