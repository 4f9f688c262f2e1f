"""Responses that are read while they come, as far as no server is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
import pytest
from gevent.exceptions import ConcurrentObjectUseError
from gevent.threadpool import ThreadPool

from loadcore.locustfiles.calls import Calls, ForeignThreadError
from loadcore.locustfiles.streamed_body import StreamedBody
from tests.locustfiles.double import DoubleAnswer, DoubleCrossing

if TYPE_CHECKING:
    from collections.abc import Iterator


class Silent(DoubleAnswer):
    """An answer whose head has come, and nothing more."""

    ttfb_ns = 1_000_000

    def piece(self) -> tuple[bytes, int] | None:
        """Nothing has come."""

    def done(self) -> bool:
        """Nor has it ended."""
        return False


@pytest.fixture
def calls() -> Iterator[Calls]:
    """Calls over what takes the engine's place."""
    double = DoubleCrossing()
    made = Calls(double)
    made.double = double  # type: ignore[attr-defined]
    yield made
    made.close()
    double.close()


def body_of(calls: Calls) -> StreamedBody:
    """The body of an answer that has not ended."""
    return StreamedBody(calls, Silent(), lambda: ValueError("broken off"))


def test_two_greenlets_do_not_read_one_response(calls: Calls) -> None:
    """As with sockets: the second one fails, and does not wait for ever."""
    body = body_of(calls)
    reader = gevent.spawn(body.read)
    gevent.sleep(0)
    with pytest.raises(ConcurrentObjectUseError, match="another greenlet"):
        body.read()
    reader.kill()


def test_a_thread_of_its_own_may_not_read(calls: Calls) -> None:
    """The error says what to use."""
    with pytest.raises(ForeignThreadError, match=r"gevent\.spawn"):
        ThreadPool(1).apply(body_of(calls).read)


def test_whoever_is_killed_while_it_reads_gives_the_request_up(calls: Calls) -> None:
    """Any other exception leaves it to whoever has the response: leaving a stream is a decision of the user's."""
    for error, given_up in ((gevent.GreenletExit(), 1), (gevent.Timeout(), 0)):
        reader = gevent.spawn(body_of(calls).read)
        gevent.sleep(0)
        reader.kill(error)
        crossing: DoubleCrossing = calls.double  # type: ignore[attr-defined]
        assert len(crossing.cancelled) == given_up
        crossing.cancelled.clear()
