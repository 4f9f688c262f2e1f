"""The way to many nodes: above some number they form groups, each of which is heard and ordered through its leader.

With a thousand nodes a scheduler would carry some thousands of messages a second; with groups of 32 it carries those of
32 leaders. Nothing is added up on the way, since each node is judged by itself. What starts, changes, stops and keeps
up a run goes through leaders, and so does what nodes report. The rest (plans, files, clocks, rows) goes straight to
each node, and so does an order whose leader did not pass it on: nodes carry these out once, however often they come.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from concurrent.futures import Future
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from loadcore.cluster.link import Link
from loadcore.cluster.relay import PEER_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PASSED_ON = frozenset({"renew", "go", "change", "stop", "interrupt"})
PASS_ON_WITHIN_S = PEER_WITHIN_S + 1.0
TOGETHER_S = 0.01
"""How long an order waits for those of other members."""
HOLD_S = 8.0
"""How long a message waits for one before it that comes another way."""
FOLLOW_WITHIN_S = 5.0


class Group:
    """Some nodes.

    Args:
        members: Their addresses.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self.members = list(members)
        self.leader: str | None = None
        self.tried: set[str] = set()
        """Nodes that have led it and did not answer."""
        self.outbox: list[tuple[str, str, float, dict[str, Any], Future[Any]]] = []


class Inbox:
    """The messages of a node in the order of their numbers, though some come another way than others."""

    def __init__(self) -> None:
        self.seen = 0
        """The number of the last message that was handed on, with all before it."""
        self._early: dict[int, tuple[float, dict[str, Any]]] = {}

    def take(self, said: dict[str, Any], now: float) -> list[dict[str, Any]]:
        """The messages to hand on now that this one has come."""
        number = int(said["sequence"])
        if number <= self.seen or number in self._early:
            return []
        self._early[number] = (now, said)
        return self.due(now)

    def due(self, now: float) -> list[dict[str, Any]]:
        """The messages that follow those which were handed on, and those that have waited for long enough."""
        found = []
        while self._early:
            number = min(self._early)
            since, said = self._early[number]
            if number != self.seen + 1 and now - since < HOLD_S:
                break
            del self._early[number]
            self.seen = number
            found.append(said)
        return found


class Tree(Link):
    """A link to the nodes of a run, over another one. As a whole it behaves like that one.

    Args:
        link: The way to each node.
        run: The run's id.
        nodes: The nodes of the run.
        group: How many are in a group at the most.
    """

    def __init__(self, link: Link, run: str, nodes: Sequence[str], group: int) -> None:
        self._link = link
        self._run = run
        self.is_private = link.is_private
        count = math.ceil(len(nodes) / group)
        bounds = [len(nodes) * number // count for number in range(count + 1)]
        self.groups = [Group(nodes[first:last]) for first, last in pairwise(bounds)]
        self._group_of = {node: each for each in self.groups for node in each.members}
        self._inboxes: defaultdict[str, Inbox] = defaultdict(Inbox)
        self._gone: set[str] = set()
        self._lock = threading.RLock()
        self._taking = threading.RLock()
        self._message: Callable[[str, dict[str, Any]], None] = lambda _node, _said: None
        self._lost: Callable[[str, str], None] = lambda _node, _reason: None
        self._waits = threading.Event()
        self._closed = threading.Event()

    def nodes(self) -> list[str]:
        """The addresses of the nodes that are there."""
        return self._link.nodes()

    def listen(self, message: Callable[[str, dict[str, Any]], None], lost: Callable[[str, str], None]) -> None:
        """Hear the agents: see `Link.listen`. Names the leaders."""
        self._message, self._lost = message, lost
        self._link.listen(self._heard, self._left)
        for group in self.groups:
            self._lead(group)
        for work in (self._pass_on, self._release):
            threading.Thread(target=work, name="tree", daemon=True).start()

    def call(self, node: str, verb: str, timeout_s: float, **arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Ask the agent of a node: see `Link.call`. Orders of the run leave with those for other members."""
        group = self._group_of.get(node)
        if verb == "renew":
            arguments["seen"] = self._inboxes[node].seen
        if verb not in PASSED_ON or group is None or arguments.get("run") != self._run:
            return self._link.call(node, verb, timeout_s, **arguments)
        answer: Future[Any] = Future()
        with self._lock:
            group.outbox.append((node, verb, timeout_s, arguments, answer))
        self._waits.set()
        return answer

    def end_run(self) -> None:
        """End the groups."""
        self._closed.set()
        self._waits.set()

    def close(self) -> None:
        """Leave the cluster."""
        self.end_run()
        self._link.close()

    def _pass_on(self) -> None:
        """Hand each leader what its members are asked."""
        while not self._closed.is_set():
            self._waits.wait()
            time.sleep(TOGETHER_S)
            self._waits.clear()
            for group in self.groups:
                with self._lock:
                    calls, group.outbox = group.outbox, []
                    leader = group.leader
                if calls:
                    self._hand_over(group, leader, calls)

    def _hand_over(self, group: Group, leader: str | None, calls: list[Any]) -> None:
        own = [call for call in calls if leader is None or call[0] == leader]
        others = [call for call in calls if call not in own]
        for call in own:
            self._straight(call)
        if leader is None or not others:
            return
        words = [[node, verb, arguments] for node, verb, _, arguments, _ in others]
        asked = self._link.call(leader, "pass_on", PASS_ON_WITHIN_S, run=self._run, calls=words)

        def answered(answers: Future[Any]) -> None:
            if answers.cancelled() or answers.exception() is not None:
                for call in others:
                    self._straight(call)
                self._lead(group, without=leader)
                return
            for call, found in zip(others, answers.result(), strict=True):
                if "answer" in found:
                    call[-1].set_result(found["answer"])
                else:
                    self._straight(call)

        asked.add_done_callback(answered)

    def _straight(self, call: Any) -> None:  # noqa: ANN401 - an entry of an outbox
        node, verb, timeout_s, arguments, answer = call

        def answered(found: Future[Any]) -> None:
            if found.cancelled() or (problem := found.exception()) is not None:
                answer.set_exception(TimeoutError("no answer") if found.cancelled() else problem or TimeoutError())
            else:
                answer.set_result(found.result())

        self._link.call(node, verb, timeout_s, **arguments).add_done_callback(answered)

    def _lead(self, group: Group, without: str | None = None) -> None:
        """Name a leader: the first member that is there and has not failed as one. Without one, all report directly."""
        with self._lock:
            if without is not None:
                if group.leader != without:  # Another one was named meanwhile.
                    return
                group.tried.add(without)
            there = [node for node in group.members if node not in self._gone]
            able = [node for node in there if node not in group.tried]
            group.leader = leader = able[0] if len(able) > 1 else None
        for node in there:
            seen = self._inboxes[node].seen
            self._link.call(node, "follow", FOLLOW_WITHIN_S, run=self._run, leader=leader, seen=seen)

    def _left(self, node: str, reason: str) -> None:
        """A node is gone, or all of them."""
        self._lost(node, reason)
        with self._lock:
            self._gone.update([node] if node else self._group_of)
        group = self._group_of.get(node)
        if group is not None:
            self._lead(group, without=node)

    def _heard(self, node: str, said: dict[str, Any]) -> None:
        for member, each in said.get("group", ((node, said),)):
            if each.get("run") == self._run:
                with self._taking:
                    for message in self._inboxes[member].take(each, time.monotonic()):
                        self._message(member, message)

    def _release(self) -> None:
        """Hand on what has waited for too long."""
        while not self._closed.wait(HOLD_S / 3):
            with self._taking:
                for node, inbox in list(self._inboxes.items()):
                    for message in inbox.due(time.monotonic()):
                        self._message(node, message)
