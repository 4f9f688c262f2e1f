"""Nodes are judged each by itself."""

import pyarrow as pa

from loadcore.judge.health import Counted
from loadcore.results.schema import MACHINE
from loadcore.results.sum.totals import Totals
from loadcore.results.write.windows_file import PLAIN

NODES = [{"name": "a", "workers": [0], "cores": 2}, {"name": "b", "workers": [1], "cores": 2}]


def second(number: int, worker: int, cpu: float, foreign: float) -> pa.RecordBatch:
    """A second of a worker and of its node."""
    ns = 1_000_000_000
    about = {"second": number, "phase": "steady", "kind": "worker", "wall_ns": ns}
    of_worker = about | {"worker": worker, "cpu_ns": int(cpu * ns), "core_wait_ns": 0}
    of_node = about | {
        "worker": MACHINE - worker,
        "client_cpu_ns": int(cpu * ns),
        "foreign_cpu_ns": int(foreign * ns),
        "throttled_ns": 0,
    }
    return pa.RecordBatch.from_pylist([of_worker, of_node], schema=PLAIN)


def test_the_node_that_was_the_limit_is_named() -> None:
    """One node's full core is that node's, and says nothing of the other."""
    totals = Totals(4, nodes=NODES)
    for number in range(6):
        totals.add(second(number, 0, 0.3, 0.0))
        totals.add(second(number, 1, 0.99, 0.0))
    counted = Counted(unpaced=True)
    (found,) = [each for each in totals.spoils(counted, ()) if each.rule == "cpu"]
    assert found.message.startswith("node b: worker 1 used up to 99%")
    assert "leave the node out" in found.advice
    assert totals.verdict_of(0, counted) == "healthy"
    assert totals.verdict_of(1, counted) == "client_limited"


def test_without_nodes_nothing_is_named() -> None:
    """On one machine the same rule speaks of workers alone."""
    totals = Totals(4)
    for number in range(6):
        totals.add(second(number, 0, 0.99, 0.0))
    (found,) = [each for each in totals.spoils(Counted(unpaced=True), ()) if each.rule == "cpu"]
    assert found.message.startswith("worker 0 used up to 99%")
