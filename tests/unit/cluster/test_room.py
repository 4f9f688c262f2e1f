"""Changes of the load that a node has no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loadcore.cluster.executor import ClusterExecutor
from loadcore.cluster.node import Node
from loadcore.cluster.policy import Policy
from loadcore.errors import LimitsError
from tests.unit.cluster.many import RUN, ManyNodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def test_each_node_is_asked_and_those_without_room_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its own limits, for the workers that it has; one that does not answer is not taken for large."""
    link = ManyNodes(tmp_path, 3)
    asked: list[tuple[Sequence[int], Mapping[str, float]]] = []

    def room(most: int) -> Any:
        def answer(run: str, connections: Sequence[int], rates: Mapping[str, float]) -> list[dict[str, Any]]:
            assert run == RUN
            asked.append((connections, rates))
            lacks = {"message": f"open files: the limit is {most}", "hint": "ulimit"}
            return [lacks] if sum(connections) > most else []

        return answer

    for name, most in (("n000", 1000), ("n001", 700)):
        monkeypatch.setattr(link.agents[name], "do_room", room(most))
    nodes = [Node(number, name, name, [2 * number, 2 * number + 1], {}) for number, name in enumerate(link.names)]
    executor = ClusterExecutor(link, RUN, nodes, {}, Policy())
    link.cut.add("n002")
    with pytest.raises(LimitsError) as refused:
        executor.require_room(400, {"shop": 9.0}, lambda _held: pytest.fail("this machine has no workers"))
    messages = [problem.message for problem in refused.value.problems]
    assert messages == [
        "node n001: open files: the limit is 700",
        "node n002: it does not say what it carries: no answer",
    ]
    assert asked == [([400, 400], {"shop": 9.0})] * 2
    link.close()
