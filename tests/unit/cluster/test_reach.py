"""Addresses of schedulers that do not answer, or are not schedulers, and addresses that are not of this machine."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from loadcore.cluster import reach
from loadcore.cluster.certificates import Certificates, make
from loadcore.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that others can connect to, and that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def address_of(listener: socket.socket) -> str:
    """Where it is."""
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_nothing_listens(listener: socket.socket) -> None:
    """The system's reason, and what to start."""
    address = address_of(listener)
    listener.close()
    with pytest.raises(RunError, match=f"cannot reach the scheduler at {address}: Connection refused"):
        reach.wait_for_scheduler(address, None, 0)


def test_what_says_nothing_is_not_a_scheduler(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that speaks TLS does to one who does not."""
    monkeypatch.setattr(reach, "ANSWER_WITHIN_S", 0.1)
    with pytest.raises(RunError, match=r"does not answer as a tcp:// scheduler does \(is it at tls://\?\)"):
        reach.wait_for_scheduler(address_of(listener), None, 0)


def test_one_that_comes_later_is_waited_for(listener: socket.socket) -> None:
    """The warning comes once."""
    address, port = address_of(listener), listener.getsockname()[1]
    listener.close()
    said: list[str] = []

    def come(text: str) -> None:
        said.append(text)
        answering.start()

    def answer() -> None:
        with socket.create_server(("127.0.0.1", port)) as scheduler:
            caller, _ = scheduler.accept()
            with caller:
                caller.send(b"x")

    answering = threading.Thread(target=answer)
    reach.wait_for_scheduler(address, None, 30, come)
    answering.join()
    assert said == [f"waiting for the scheduler at {address}: Connection refused"]


def test_addresses_that_cannot_be_listened_on(listener: socket.socket) -> None:
    """One that is taken, and one of another machine; the system says which."""
    reach.require_own_address("127.0.0.1", 0, "")
    with pytest.raises(UsageError, match="Address already in use"):
        reach.require_own_address("127.0.0.1", listener.getsockname()[1], "name another")
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1: "):
        reach.require_own_address("192.0.2.1", 0, "name another")


def test_files_that_are_not_certificates(tmp_path: Path) -> None:
    """Rubbish and pairs that do not match are refused by the name of their folder."""
    make(tmp_path / "one")
    make(tmp_path / "two")
    Certificates.of(tmp_path / "one", "node")
    (tmp_path / "one" / "node.key").write_bytes((tmp_path / "two" / "node.key").read_bytes())
    with pytest.raises(UsageError, match="one cannot be used: key values mismatch"):
        Certificates.of(tmp_path / "one", "node")
    (tmp_path / "two" / "ca.pem").write_text("rubbish")
    with pytest.raises(UsageError, match="two cannot be used: no certificate"):
        Certificates.of(tmp_path / "two", "node")
