"""Nodes in this process, whose link can be made to fail."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from loadcore.cluster.agent import NodeAgent
from loadcore.cluster.link import Link
from loadcore.cluster.relay import Peers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class FaultyPeers(Peers):
    """From one of these nodes to the others.

    Args:
        link: Their link.
        node: The one.
    """

    def __init__(self, link: FaultyLink, node: str) -> None:
        self._link, self._node = link, node

    def ask(self, node: str, verb: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Ask the agent of another node."""
        if self._node in self._link.cut:
            return no_answer(0.2)
        return self._link.ask(node, verb, 0.2, dict(arguments))


def no_answer(after_s: float) -> Future[Any]:
    """What never comes."""
    lost: Future[Any] = Future()
    threading.Timer(after_s, lost.set_exception, [TimeoutError("no answer")]).start()
    return lost


class FaultyLink(Link):
    """A link to agents of this process.

    Args:
        folder: Where the agents keep their files.
        nodes: Their names.
    """

    def __init__(self, folder: Path, *nodes: str) -> None:
        self._message: Callable[[str, dict[str, Any]], None] = lambda _node, _said: None
        self._lost: Callable[[str, str], None] = lambda _node, _reason: None
        self._pool = ThreadPoolExecutor(32)
        self.agents = {
            node: NodeAgent(self._say_of(node), folder / node, node, FaultyPeers(self, node)) for node in nodes
        }
        self._open = threading.Event()
        self._open.set()
        self.calls: list[tuple[str, str]] = []
        self.cut: set[str] = set()
        """Nodes that nothing reaches, and that reach nothing."""
        self.skew_ns: dict[str, int] = {}
        self.answers: dict[tuple[str, str], Any] = {}
        """What a node answers to a verb in place of the truth."""
        self.repeats = 1
        """How often each message of an agent arrives."""
        self.drops: dict[str, int] = {}
        """How many of the next messages of a node do not arrive."""

    def _say_of(self, node: str) -> Callable[[dict[str, Any]], None]:
        def say(said: dict[str, Any]) -> None:
            if node == "b":
                self._open.wait()
            if self.drops.get(node, 0) > 0:
                self.drops[node] -= 1
                return
            for _ in range(self.repeats):
                if node not in self.cut:
                    self._message(node, said)

        return say

    def nodes(self) -> list[str]:
        """Their names."""
        return sorted(self.agents)

    def call(self, node: str, verb: str, timeout_s: float, **arguments: Any) -> Future[Any]:
        """Ask an agent."""
        self.calls.append((node, verb))
        return self.ask(node, verb, timeout_s, arguments)

    def ask(self, node: str, verb: str, timeout_s: float, arguments: dict[str, Any]) -> Future[Any]:
        """The same, whoever asks."""
        if node in self.cut:
            return no_answer(min(timeout_s, 0.2))
        if (node, verb) in self.answers:
            known: Future[Any] = Future()
            known.set_result(self.answers[node, verb])
            return known
        skew = self.skew_ns.get(node, 0)
        if verb == "clock":
            now: Future[Any] = Future()
            now.set_result(time.monotonic_ns() + skew)
            return now
        for moment in ("start_at_ns", "lease_until_ns", "until_ns"):
            if arguments.get(moment) is not None:
                arguments[moment] -= skew
        return self._pool.submit(self.agents[node].answer, verb, arguments)

    def listen(self, message: Callable[[str, dict[str, Any]], None], lost: Callable[[str, str], None]) -> None:
        """Hear them."""
        self._message, self._lost = message, lost

    def hold(self) -> None:
        """What node `b` says does not leave it, until `release`."""
        self._open.clear()

    def release(self) -> None:
        """What was held leaves."""
        self._open.set()

    def lose(self, node: str) -> None:
        """The node's process ends, and its workers with it."""
        self.agents[node].close()
        self.cut.add(node)
        self._lost(node, "it left the cluster")

    def close(self) -> None:
        """End everything."""
        self.release()
        for agent in self.agents.values():
            agent.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
