"""Requests that are written once and sent by any user of a crossing."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.engine import Prepared, Tally

if TYPE_CHECKING:
    from loadcore.engine import Crossing


def exchanged(crossing: Crossing, call: Any, server: socket.socket, response: bytes) -> tuple[bytes, Any]:
    """What was sent for a call, and the call with this response."""
    crossing.flush()
    connection, _ = server.accept()
    with connection:
        sent = connection.recv(65_536)
        connection.sendall(response)
        while True:
            assert select.select([crossing.fileno()], [], [], 10)[0], "no answer within ten seconds"
            if [taken for taken in crossing.take() if type(taken) is not tuple] == [call]:
                return sent, call


def url_of(server: socket.socket) -> str:
    """Where it listens."""
    return f"http://127.0.0.1:{server.getsockname()[1]}/a"


def test_body_and_cookies_are_of_each_sending(crossing: Crossing, server: socket.socket) -> None:
    """All else stays as it was written."""
    prepared = Prepared("GET /a", "GET", url_of(server), [("X-A", "1")], max_redirects=0)
    ended = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    sent = []
    for number, (body, cookie) in enumerate([(None, None), (b"{}", "a=b"), (b"", None)]):
        user = crossing.user(0, number)
        user.join()
        request, call = exchanged(crossing, prepared.send(user, body, cookie), server, ended)
        filled: list[object] = []
        tally = Tally(number, filled)
        assert (call.final_status(True), call.body, call.count_in(tally)) == (200, b"ok", False)
        assert (tally.take(0)[-1], filled) == ([call.service_ns / 1e6], [number])
        sent.append(request)
    for request in sent:
        assert request.startswith(b"GET /a HTTP/1.1\r\n")
        assert b"X-A: 1\r\n" in request
    assert [b"Cookie: a=b\r\n" in request for request in sent] == [False, True, False]
    assert [request.partition(b"\r\n\r\n")[2] for request in sent] == [b"", b"{}", b""]
    assert [b"ontent-" in request for request in sent] == [False, True, True]


@pytest.mark.parametrize(
    ("head", "follows", "is_final"),
    [
        (b"200 OK\r\n", True, True),
        (b"404 Not Found\r\n", True, True),
        (b"302 Found\r\nLocation: /b\r\n", True, False),
        (b"302 Found\r\nLocation: /b\r\n", False, True),
        (b"200 OK\r\nSet-Cookie: a=b\r\n", True, False),
    ],
)
def test_a_response_is_final_that_changes_nothing(
    crossing: Crossing, server: socket.socket, head: bytes, follows: bool, is_final: bool
) -> None:
    """Redirects that are followed and new cookies are for the session to deal with."""
    user = crossing.user(0, 0)
    user.join()
    prepared = Prepared("GET /a", "GET", url_of(server), [], max_redirects=0)
    _, call = exchanged(crossing, prepared.send(user), server, b"HTTP/1.1 " + head + b"Content-Length: 0\r\n\r\n")
    assert (call.final_status(follows) == call.status) == is_final


def test_what_never_came_is_not_final(crossing: Crossing) -> None:
    """Of a request that is still under way, and of one that failed."""
    user = crossing.user(0, 0)
    user.join()
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    call = Prepared("GET /a", "GET", f"http://127.0.0.1:{port}/", [], max_redirects=0).send(user)
    assert call.final_status(True) == 0
    crossing.flush()
    assert select.select([crossing.fileno()], [], [], 10)[0]
    assert (crossing.take(), call.outcome) == ([call], "connect_refused")
    assert call.final_status(True) == 0
