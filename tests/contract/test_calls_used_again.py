"""Calls that no user holds any more are used again, and none can tell."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.scripting.response import Response

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from loadcore.engine import Crossing, ScriptUser


@pytest.fixture
def user(crossing: Crossing) -> Iterator[ScriptUser]:
    """A user whose calls are responses. Its loop does not run: tests hand over by hand."""
    loop = asyncio.new_event_loop()
    crossing.attach(loop, Response)
    user = crossing.user(0, 1)
    user.join()
    yield user
    loop.close()


def response(crossing: Crossing, user: ScriptUser, server: socket.socket, number: int, body: bytes) -> Any:
    """What comes back of a request that is called by a number."""
    port = server.getsockname()[1]
    call = user.send(f"GET /{number}", "GET", f"http://127.0.0.1:{port}/{number}")
    crossing.flush()
    connection, _ = server.accept()
    with connection:
        connection.recv(65_536)
        head = f"HTTP/1.1 {220 + number} OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        while not call.done():
            assert select.select([crossing.fileno()], [], [], 10)[0], "no answer within ten seconds"
            crossing.drain()
    return call


def told(call: Any) -> tuple[object, ...]:
    """All that a response says."""
    return call.name, call.status, call.url.rpartition("/")[2], call.content, call.json()


def test_what_is_kept_stays(crossing: Crossing, user: ScriptUser, server: socket.socket) -> None:
    """A response that anyone has is what it was, however many follow."""
    kept = [response(crossing, user, server, number, b"[%d]" % number) for number in range(4)]
    for number in range(4, 8):
        response(crossing, user, server, number, b"null")
    assert [told(call) for call in kept] == [
        (f"GET /{number}", 220 + number, str(number), b"[%d]" % number, [number]) for number in range(4)
    ]
    assert len({id(call) for call in kept}) == 4


def test_nothing_is_left_of_the_one_before(crossing: Crossing, user: ScriptUser, server: socket.socket) -> None:
    """What was read of a response is of that one, and so is that it has ended."""
    for number in range(6):
        port = server.getsockname()[1]
        asked = user.send("GET /", "GET", f"http://127.0.0.1:{port}/")
        assert (asked.done(), asked.body, asked.head, asked.outcome) == (False, b"", [], None)
        with pytest.raises(RuntimeError, match="before it had a response"):
            _ = asked.status
        asked.cancel()
        assert (asked.cancelled(), asked.outcome) == (True, "interrupted")
        del asked
        body = b"%d" % number
        call = response(crossing, user, server, number, body)
        assert call.headers["content-length"] == "1"
        assert told(call) == (f"GET /{number}", 220 + number, str(number), body, number)
        del call


def test_a_body_goes_with_its_response(crossing: Crossing, user: ScriptUser, server: socket.socket) -> None:
    """What a large body was made into lives no longer than its response."""

    class Made(list[int]):
        """Something that says when it goes."""

        def __del__(self) -> None:
            gone.append(len(self))

    gone: list[int] = []
    call = response(crossing, user, server, 0, b"x" * 65_536)
    call._json = Made([1, 2, 3])
    del call
    response(crossing, user, server, 1, b"")
    assert gone == [3]


def test_the_end_of_what_was_read_may_ask(crossing: Crossing, user: ScriptUser, server: socket.socket) -> None:
    """Code of users that runs when what they have read goes may make a request."""

    class Asks:
        """Something that makes a request when it goes."""

        def __del__(self) -> None:
            asked.append(user.wait(0))

    asked: list[Any] = []
    call = response(crossing, user, server, 0, b"{}")
    call._json = Asks()
    del call
    for number in range(1, 4):
        assert response(crossing, user, server, number, b"").status == 220 + number
    assert len(asked) == 1
