"""Many nodes in groups are heard and ordered as a few are directly: nothing is missing, doubled, or out of order."""

from __future__ import annotations

import io
import math
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.cluster import relay
from loadcore.cluster.executor import ClusterExecutor
from loadcore.cluster.node import Node
from loadcore.cluster.policy import Policy
from loadcore.cluster.tree import HOLD_S, Inbox, Tree
from loadcore.processes import messages
from loadcore.results.sum.totals import Totals
from tests.unit.cluster.many import RUN, ManyNodes
from tests.unit.processes.scripted import window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loadcore.cluster.link import Link

GROUP = 32
WITHIN_S = 60.0


@pytest.fixture(params=[65, 200])
def many(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManyNodes]:
    """Some nodes, whose leaders send when the test says so."""
    monkeypatch.setattr(relay, "GATHER_S", 3600.0)
    found = ManyNodes(tmp_path, request.param)
    yield found
    found.close()


class Hearing:
    """A driver that notes what it hears.

    Args:
        link: The way to the nodes.
    """

    def __init__(self, link: Link) -> None:
        self.heard: dict[str, list[int]] = {}
        self.lost: list[str] = []
        link.listen(self._message, lambda node, _reason: self.lost.append(node))

    def _message(self, node: str, said: dict[str, Any]) -> None:
        self.heard.setdefault(node, []).append(said["sequence"])


@pytest.fixture
def tree(many: ManyNodes) -> Iterator[Tree]:
    """The same nodes in groups."""
    found = Tree(many, RUN, many.names, GROUP)
    yield found
    found.end_run()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something, up to a deadline."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def orders_of(many: ManyNodes, verb: str) -> dict[str, int]:
    """How often each node got an order."""
    return {name: sum(kind == verb for kind, _ in run.orders) for name, run in many.runs.items()}


def test_windows_and_totals_are_those_of_nodes_that_report_directly(many: ManyNodes) -> None:
    """Every window of every node once, and in all the same requests; a few messages carry them."""
    windows = [
        [window(second, number, 10 * (second + 1) + number) for number in range(len(many.names))] for second in (0, 1)
    ]
    flat, came = totals_over(many, many, windows)
    tree = Tree(many, RUN, many.names, GROUP)
    grouped, came_grouped = totals_over(many, tree, windows)
    tree.end_run()
    assert grouped == flat
    assert flat["requests"] == [30 + 2 * number for number in range(len(many.names))]
    assert sum(flat["statuses"].values()) == sum(flat["requests"])
    assert came == 2 * len(many.names)
    assert came_grouped == math.ceil(len(many.names) / GROUP) * 2


def totals_over(many: ManyNodes, link: Link, windows: list[list[messages.WindowBatch]]) -> tuple[dict[str, Any], int]:
    """What a driver adds up, and how many messages brought it."""
    nodes = [Node(number, name, name, [number], {"cores": 2}) for number, name in enumerate(many.names)]
    executor = ClusterExecutor(link, RUN, nodes, {}, Policy(renew_s=3600))
    totals = Totals(2)
    many.begin()
    before = many.came
    executor.open()
    for second, of_second in enumerate(windows):
        for name, of_node in zip(many.names, of_second, strict=True):
            many.say(name, second + 1, of_node)
        many.flush()
    seen = []
    while (said := executor.next(0)) is not None:
        worker, message = said
        assert isinstance(message, messages.WindowBatch)
        with pa.ipc.open_stream(io.BytesIO(message.stream)) as reader:
            for batch in reader:
                totals.add(batch)
                seen.append((worker, batch.column("second")[0].as_py()))
    executor.close()
    (step,) = totals.over().steps.values()
    of_workers = [totals.requests_of(worker) for worker in range(len(nodes))]
    return {"seen": sorted(seen), "statuses": dict(step.statuses), "requests": of_workers}, many.came - before


def test_orders_reach_all_nodes_once(many: ManyNodes, tree: Tree) -> None:
    """Through leaders, whose number is that of the groups; each answer is that of its node."""
    Hearing(tree)
    many.calls.clear()
    asked = [
        tree.call(name, "go", 5.0, run=RUN, start_at_ns=number, wall_start_us=0, lease_until_ns=0)
        for number, name in enumerate(many.names)
    ]
    assert [each.result(WITHIN_S) for each in asked] == [1] * len(many.names)
    assert [run.orders[0][1][0] for run in many.runs.values()] == list(range(len(many.names)))
    order = messages.Change(0, 5, {"rate": 1})._asdict()
    changed = [tree.call(name, "change", 5.0, run=RUN, order=order) for name in many.names]
    stopped = [tree.call(name, "stop", 5.0, run=RUN) for name in many.names]
    for each in (*changed, *stopped):
        each.result(WITHIN_S)
    for verb in ("go", "change", "stop"):
        assert set(orders_of(many, verb).values()) == {1}
    direct = [call for call in many.calls if call[1] in {"go", "change", "stop"}]
    assert {node for node, _ in direct} <= {group.leader for group in tree.groups}


def test_a_lost_leader_takes_nothing_of_its_members_with_it(many: ManyNodes, tree: Tree) -> None:
    """Its members send again what it had gathered and not sent; the driver counts each message once."""
    hearing = Hearing(tree)
    first = tree.groups[0]
    leader = first.leader
    assert leader == first.members[0]
    for name in many.names:
        many.say(name, 1)
    many.flush()
    for name in many.names:
        many.say(name, 2)
    many.lose(leader)
    assert hearing.lost == [leader]
    assert first.leader == first.members[1]
    for name in many.names:
        if name != leader:
            many.say(name, 3)
    many.flush()
    assert {tuple(heard) for name, heard in hearing.heard.items() if name != leader} == {(1, 2, 3)}
    assert hearing.heard[leader] == [1]


def test_what_has_arrived_is_not_kept(many: ManyNodes, tree: Tree) -> None:
    """A renewal says what the driver has: members keep the rest alone."""
    Hearing(tree)
    name = many.names[1]
    for sequence in (1, 2, 3):
        many.say(name, sequence)
    assert many.agents[name]._member.kept == [1, 2, 3]
    many.flush()
    tree.call(name, "renew", 5.0, run=RUN, until_ns=None).result(WITHIN_S)
    assert many.agents[name]._member.kept == []


def test_a_leader_that_does_not_answer_is_replaced(many: ManyNodes, tree: Tree) -> None:
    """Its members get their orders all the same, once each, and are heard directly until the next one leads."""
    hearing = Hearing(tree)
    leader = str(tree.groups[0].leader)
    many.cut.add(leader)
    for name in many.names:
        many.say(name, 1)
    members = tree.groups[0].members[1:]
    assert all(hearing.heard[name] == [1] for name in members), "a message that did not reach the leader goes straight"
    asked = {name: tree.call(name, "stop", 5.0, run=RUN) for name in many.names}
    for name, each in asked.items():
        if name != leader:
            each.result(WITHIN_S)
    assert asked[leader].exception(WITHIN_S) is not None
    until(lambda: tree.groups[0].leader == members[0])
    assert orders_of(many, "stop") == {name: int(name != leader) for name in many.names}
    for name in members:
        many.say(name, 2)
    many.flush()
    assert {tuple(hearing.heard[name]) for name in members} == {(1, 2)}


def test_a_group_without_leaders_is_heard_directly(many: ManyNodes, tree: Tree) -> None:
    """One node that is left leads no one."""
    hearing = Hearing(tree)
    *others, last = tree.groups[0].members
    for name in others:
        many.lose(name)
    many.say(last, 1)
    assert hearing.heard[last] == [1]
    tree.call(last, "stop", 5.0, run=RUN).result(WITHIN_S)
    assert orders_of(many, "stop")[last] == 1


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_messages_are_in_order_however_they_come(order: list[int], again: list[int]) -> None:
    """Twice, late, another way: each is handed on once, after those before it."""
    inbox = Inbox()
    came = [*order[:4], *again, *order[4:]]
    found = [said["sequence"] for number in came for said in inbox.take({"sequence": number}, 0.0)]
    assert found == list(range(1, 9))
    assert inbox.seen == 8


def test_what_never_comes_is_waited_for_a_while() -> None:
    """Then the rest is handed on, and the gap is seen by its numbers."""
    inbox = Inbox()
    assert [said["sequence"] for said in inbox.take({"sequence": 1}, 0.0)] == [1]
    assert inbox.take({"sequence": 3}, 1.0) == []
    assert inbox.due(1.0 + HOLD_S / 2) == []
    assert [said["sequence"] for said in inbox.due(1.0 + HOLD_S)] == [3]
    assert inbox.take({"sequence": 2}, 9.0) == []
