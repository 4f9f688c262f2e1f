"""The socket of a run: it answers who may ask, and nothing that happens there holds up the run."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from loadcore.control import peer, server
from loadcore.control.address import MOST_BYTES, NAME, address_in
from loadcore.control.client import ask, connect
from loadcore.control.server import MOST_AT_ONCE, ControlSocket
from loadcore.control.wire import RefusedError, Reply, Request
from loadcore.plan.orders import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RATE = Request(Change("rate", "300/s"), "shop")


def echo(request: Request) -> Reply:
    """Says what was asked for."""
    return Reply(text=f"{request.scenario}: {request.change}")


@contextmanager
def controlled(folder: Path, answer: Callable[[Request], Reply] = echo) -> Iterator[list[None]]:
    """A socket in this folder, with a supervisor that comes by; gives an entry for each visit."""
    visits: list[None] = []
    ended = threading.Event()
    with ControlSocket(folder) as control:
        assert control.open() is None

        def visit() -> None:
            while not ended.wait(0.005):
                control.serve(answer)
                visits.append(None)

        supervisor = threading.Thread(target=visit)
        supervisor.start()
        try:
            yield visits
        finally:
            ended.set()
            supervisor.join()


def connected(folder: Path) -> socket.socket:
    """A connection to the socket."""
    connection = socket.socket(socket.AF_UNIX)
    with address_in(folder) as address:
        connect(connection, address, 10)
    return connection


def said_to(folder: Path, sent: bytes) -> dict[str, str]:
    """The answer to these bytes."""
    with connected(folder) as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as answer:
            reply: dict[str, str] = json.loads(answer.readline())
            return reply


def test_a_request_is_answered(tmp_path: Path) -> None:
    """The socket is for this user alone, and gone when the run is."""
    with controlled(tmp_path):
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
        assert ask(tmp_path, RATE).text == "shop: rate 300/s"
    assert not (tmp_path / NAME).exists()
    with pytest.raises(RefusedError, match="does not take orders: it has ended"):
        ask(tmp_path, RATE)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"pause\n", "the request is not a line of JSON"),
        (b"[" * 4000 + b"\n", "the request is not a line of JSON"),
        (b"\xff\xfe\n", "the request is not a line of JSON"),
        (b'["pause"]\n', 'the request is not an object with "change" and "scenario"'),
        (b'{"change": "pause", "run": 1}\n', 'the request is not an object with "change" and "scenario"'),
        (b'{"change": 5}\n', '"change" and "scenario" are strings'),
        (b'{"change": "stop"}\n', '"stop" is not a change: use pause, resume, users or rate'),
        (b'{"change": "rate 300"}\n', '300 has no unit: write "300/s" or "300/min"'),
        (b'{"change": "users -1"}\n', '"-1" is not a count: write a whole number'),
        (b'{"change": "pause 5"}\n', '"pause" takes no amount, and got "5"'),
        (b'{"change": "rate 20000000/s"}\n', "20000000/s is too high: the limit is 10,000,000/s"),
        (b"x" * 5000, "a request has at most 4096 bytes"),
    ],
)
def test_what_makes_no_sense_is_refused(sent: bytes, message: str, tmp_path: Path) -> None:
    """The answer says what is wrong, and the next request is served."""
    with controlled(tmp_path):
        assert said_to(tmp_path, sent)["error"] == message
        assert ask(tmp_path, RATE).text


def test_clients_that_say_nothing_hold_up_no_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take all places until their time is over; the supervisor comes by all the while."""
    for patience_s in (600.0, 0.3):
        monkeypatch.setattr(server, "READ_WITHIN_S", patience_s)
        with controlled(tmp_path) as visits:
            stuck = [connected(tmp_path) for _ in range(MOST_AT_ONCE)]
            for each in stuck[::2]:
                each.sendall(b'{"change"')
            came, deadline = len(visits), time.monotonic() + 60
            while len(visits) < came + 20:
                assert time.monotonic() < deadline, "the supervisor waits for clients that say nothing"
                time.sleep(0.01)
            if patience_s < 1:
                assert ask(tmp_path, RATE).text
            for each in stuck:
                each.close()


def test_a_flood_of_connections_starts_few_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who come while all places are taken wait outside."""
    monkeypatch.setattr(server, "READ_WITHIN_S", 0.2)
    with controlled(tmp_path):
        before = threading.active_count()
        flood = []
        for _ in range(3 * MOST_AT_ONCE):
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)
            with address_in(tmp_path) as address:
                connection.connect_ex(address)
            flood.append(connection)
        time.sleep(0.3)
        assert threading.active_count() <= before + MOST_AT_ONCE
        for each in flood:
            each.close()
        assert ask(tmp_path, RATE).text


def test_a_client_that_is_killed_is_forgotten(tmp_path: Path) -> None:
    """It asks and is gone before the answer."""
    with controlled(tmp_path):
        for _ in range(MOST_AT_ONCE + 1):
            with connected(tmp_path) as connection:
                connection.sendall(b'{"change": "pause"}\n')
        assert ask(tmp_path, RATE).text


def test_a_bug_behind_the_socket_is_an_answer(tmp_path: Path) -> None:
    """Whatever carrying out a request raises, the supervisor continues."""

    def fails(_request: Request) -> Reply:
        raise ZeroDivisionError("no such number")

    with controlled(tmp_path, fails), pytest.raises(RefusedError, match="the run could not do that: no such number"):
        ask(tmp_path, RATE)


def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose process asks is what the system says, whatever the file's mode is."""
    one, other = socket.socketpair()
    with one, other:
        assert peer.user_of(one) == os.geteuid()
    monkeypatch.setattr(peer, "user_of", lambda _connection: os.geteuid() + 1)
    with controlled(tmp_path), pytest.raises(RefusedError, match="the run belongs to another user"):
        ask(tmp_path, RATE)


def test_a_folder_with_a_long_name(tmp_path: Path) -> None:
    """A socket's path is short; the folder's need not be."""
    folder = tmp_path
    while len(os.fsencode(folder)) < 3 * MOST_BYTES:
        folder /= "a folder with a long name"
    folder.mkdir(parents=True)
    with controlled(folder):
        assert ask(folder, RATE).text


def test_a_folder_that_takes_no_socket(tmp_path: Path) -> None:
    """The run says why, and continues without."""
    (tmp_path / NAME).touch()
    control = ControlSocket(tmp_path)
    assert control.open() == "Address already in use"
    control.serve(echo)
    control.close()
    assert (tmp_path / NAME).exists()


def test_a_run_that_ends_tells_who_waits(tmp_path: Path) -> None:
    """A question that no one came by for is answered when the socket closes."""
    said: list[str] = []

    def wait() -> None:
        try:
            ask(tmp_path, RATE)
        except RefusedError as refused:
            said.append(str(refused))

    control = ControlSocket(tmp_path)
    assert control.open() is None
    waiting = threading.Thread(target=wait)
    waiting.start()
    deadline = time.monotonic() + 60
    while control._questions.empty() and time.monotonic() < deadline:
        time.sleep(0.01)
    control.close()
    waiting.join()
    assert said == ["the run has ended"]
