"""A node's part in a group of nodes: what members say goes to the leader of the group, and leaves it together.

A member keeps what it has said until the driver has it: if its leader is lost, it says that again to the next one.
Messages have numbers, so the driver counts each once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

PEER_WITHIN_S = 2.0
"""What a node of the group may take to answer."""
GATHER_S = 0.3
"""How long a leader waits for what other members say."""
MOST_KEPT = 1000
"""Messages that a member keeps at the most: minutes of them."""


class Peers:
    """The way from a node to others. This one leads nowhere: a node that has no other never asks."""

    def ask(self, node: str, verb: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Ask the agent of another node, once."""
        raise NotImplementedError


class Member:
    """What a node says in a run, on its way to the driver.

    Args:
        address: This node's, as its driver knows it.
        say: Sends a message to the driver.
        peers: The way to other nodes.
        gather: Takes what this node says, for the times when it is the leader: the run, the address, the message.
    """

    def __init__(
        self,
        address: str,
        say: Callable[[dict[str, Any]], None],
        peers: Peers,
        gather: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self._address = address
        self._direct = say
        self._peers = peers
        self._gather = gather
        self._lock = threading.Lock()
        self._run = ""
        self._leader: str | None = None
        self._kept: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)

    def say(self, said: dict[str, Any]) -> None:
        """Send a message, through the leader if there is one. Does not wait."""
        with self._lock:
            leader = self._leader if said["run"] == self._run else None
            if leader is not None:
                self._kept.append(said)
        self._send(leader, said)

    def follow(self, run: str, leader: str | None, seen: int) -> None:
        """From now on messages of this run go to this leader; None: to the driver.

        Args:
            run: The run.
            leader: Its address.
            seen: The number of the last message that the driver has, with all before it. Later ones are sent again.
        """
        with self._lock:
            if run != self._run:
                self._kept.clear()
            self._run, self._leader = run, leader
            self._forget(seen)
            again = list(self._kept)
        for said in again:
            self._send(leader, said)

    def acknowledge(self, run: str, seen: int) -> None:
        """The driver has all messages up to this number."""
        with self._lock:
            if run == self._run:
                self._forget(seen)

    @property
    def kept(self) -> list[int]:
        """The numbers of the messages that the driver may not have."""
        with self._lock:
            return [said["sequence"] for said in self._kept]

    def _forget(self, seen: int) -> None:
        while self._kept and self._kept[0]["sequence"] <= seen:
            self._kept.popleft()

    def _send(self, leader: str | None, said: dict[str, Any]) -> None:
        if leader is None:
            self._direct(said)
            return
        if leader == self._address:
            self._gather(said["run"], self._address, said)
            return

        def arrived(answer: Future[Any]) -> None:
            if answer.cancelled() or answer.exception() is not None:
                self._direct(said)  # Should the leader have it all the same, the driver counts it once.

        self._peers.ask(leader, "gather", {"run": said["run"], "node": self._address, "said": said}).add_done_callback(
            arrived
        )


class Gathering:
    """What the members of a group say, in the hands of their leader.

    Args:
        run: The run.
        say: Sends a message to the driver.
    """

    def __init__(self, run: str, say: Callable[[dict[str, Any]], None]) -> None:
        self.run = run
        self._say = say
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def add(self, node: str, said: dict[str, Any]) -> None:
        """Take a message; it leaves with the others of this moment."""
        with self._lock:
            self._waiting.append((node, said))
            if self._timer is None and not self._is_closed:
                self._timer = threading.Timer(GATHER_S, self.send)
                self._timer.daemon = True
                self._timer.start()

    def send(self) -> None:
        """Send what is there."""
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, [], None
        if waiting:
            self._say({"run": self.run, "group": waiting})

    def close(self) -> None:
        """Send what is there, and nothing more."""
        with self._lock:
            self._is_closed = True
            if self._timer is not None:
                self._timer.cancel()
        self.send()


def pass_on(calls: Sequence[Sequence[Any]], peers: Peers) -> list[dict[str, Any]]:
    """Ask each member what the driver asks of it: its `answer`, or why there is none (`failed`)."""
    deadline = time.monotonic() + PEER_WITHIN_S
    asked = [peers.ask(*call) for call in calls]
    return [_answer_of(each, deadline - time.monotonic()) for each in asked]


def _answer_of(asked: Future[Any], within_s: float) -> dict[str, Any]:
    try:
        return {"answer": asked.result(max(0.0, within_s))}
    except Exception as problem:  # noqa: BLE001 - told to the driver, whatever it was
        return {"failed": str(problem) or type(problem).__name__}
