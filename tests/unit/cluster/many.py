"""Hundreds of nodes in this process, without workers: agents that say what a test wants, and whose orders are kept.

Calls are answered at once, in the thread that makes them, so that nothing depends on time.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from loadcore.cluster.agent import NodeAgent
from loadcore.cluster.link import Link
from loadcore.cluster.relay import Peers
from loadcore.processes import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RUN = "run"


class Noted:
    """A run on a node: keeps its orders."""

    is_over = False
    run_id = RUN

    def __init__(self) -> None:
        self.orders: list[tuple[str, Any]] = []

    def go(self, start_at_ns: int, wall_start_us: int, lease_until_ns: int) -> int:
        """Start."""
        self.orders.append(("go", (start_at_ns, wall_start_us, lease_until_ns)))
        return 1

    def change(self, order: messages.Change) -> int:
        """Change the load."""
        self.orders.append(("change", order))
        return 1

    def renew(self, until_ns: int | None) -> None:
        """The driver is there."""
        self.orders.append(("renew", until_ns))

    def stop(self) -> None:
        """Start no more iterations."""
        self.orders.append(("stop", None))

    def forget(self) -> None:
        """End."""

    def close(self) -> None:
        """End."""


class Neighbours(Peers):
    """From one node to others."""

    def __init__(self, link: ManyNodes, node: str) -> None:
        self._link, self._node = link, node

    def ask(self, node: str, verb: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Ask another one."""
        return self._link.ask(node, verb, arguments, by=self._node)


class ManyNodes(Link):
    """A link to some nodes."""

    def __init__(self, folder: Path, count: int) -> None:
        self.names = [f"n{number:03}" for number in range(count)]
        self.cut: set[str] = set()
        """Nodes that nothing reaches, and that reach nothing."""
        self.calls: list[tuple[str, str]] = []
        self.came = 0
        """Messages that have reached the driver."""
        self._message: Callable[[str, dict[str, Any]], None] = lambda _node, _said: None
        self._lost: Callable[[str, str], None] = lambda _node, _reason: None
        self.agents = {name: self._agent(name, folder) for name in self.names}
        self.runs: dict[str, Noted] = {}
        self.begin()

    def _agent(self, name: str, folder: Path) -> NodeAgent:
        def say(said: dict[str, Any]) -> None:
            if name not in self.cut:
                self.came += 1
                self._message(name, said)

        return NodeAgent(say, folder, name, Neighbours(self, name))

    def begin(self) -> None:
        """Each works on the run, from its beginning."""
        for name, agent in self.agents.items():
            self.runs[name] = agent._run = Noted()  # type: ignore[assignment]

    def say(self, name: str, sequence: int, *reports: messages.Report, worker: int | None = None) -> None:
        """Has a node say something of a worker of its."""
        number = self.names.index(name) if worker is None else worker
        said = [(number, "report", messages.encode_report(report)) for report in reports]
        self.agents[name]._member.say({"run": RUN, "sequence": sequence, "state": "works", "said": said, "host": []})

    def flush(self) -> None:
        """What leaders have gathered leaves now."""
        for agent in self.agents.values():
            if agent._gathering is not None:
                agent._gathering.send()

    def nodes(self) -> list[str]:
        """Their names."""
        return self.names

    def call(self, node: str, verb: str, timeout_s: float, **arguments: Any) -> Future[Any]:
        """Ask an agent."""
        del timeout_s
        self.calls.append((node, verb))
        return self.ask(node, verb, arguments)

    def ask(self, node: str, verb: str, arguments: Mapping[str, Any], by: str | None = None) -> Future[Any]:
        """The same, whoever asks."""
        answer: Future[Any] = Future()
        if {node, by} & self.cut:
            answer.set_exception(TimeoutError("no answer"))
            return answer
        try:
            answer.set_result(self.agents[node].answer(verb, arguments))
        except Exception as problem:  # noqa: BLE001 - the caller's to judge
            answer.set_exception(problem)
        return answer

    def listen(self, message: Callable[[str, dict[str, Any]], None], lost: Callable[[str, str], None]) -> None:
        """Hear them."""
        self._message, self._lost = message, lost

    def lose(self, node: str) -> None:
        """The node's process ends."""
        self.cut.add(node)
        self._lost(node, "it left the cluster")

    def close(self) -> None:
        """End everything."""
        for agent in self.agents.values():
            agent.close()
