"""Nodes are judged each by itself."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from loadcore.engine import FeederInfo
from loadcore.judge.health import Counted
from loadcore.results.run_facts import Carried, RunEnd, WorkerEnd
from loadcore.results.schema import MACHINE
from loadcore.results.sum import absences
from loadcore.results.sum.nodes import missing
from loadcore.results.sum.totals import Totals
from loadcore.results.sum.verdict import lost_workers
from loadcore.results.write.windows_file import PLAIN
from tests.unit.results.numbers import START

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


@pytest.mark.parametrize(("seconds", "severity"), [(0.5, "note"), (1, "suspect"), (3, "invalid")])
def test_what_is_missing_is_judged_by_its_size(seconds: float, severity: str) -> None:
    """Of ten seconds on two workers: up to 3 % of the load is a note, up to 10 % a doubt."""
    start = replace(START, nodes=NODES)
    until_ns = int((2 + seconds) * 1e9)
    carried = Carried(2_000_000_000, until_ns, "b", "it left the cluster", "a", 50)
    end = RunEnd(10_000_000_000, (WorkerEnd(0, "finished"), WorkerEnd(1, "finished", carried=(carried,))))
    parts: Any = SimpleNamespace(start=start, end=end, totals=Totals(4, nodes=NODES))
    (found,) = missing(parts)
    assert found.severity == severity
    assert found.value == pytest.approx(seconds / 20)
    assert "until a carried on its share" in found.message


def test_a_share_that_moves_twice_is_missing_twice() -> None:
    """The second time from the node that carried it on; a loss that was not carried on lasts to the end."""
    start = replace(START, nodes=NODES)
    carried = Carried(2_000_000_000, 3_000_000_000, "b", "it left", "a", 50)
    lost = WorkerEnd(1, "lost", "node a was lost: it hung", lost_after_ns=6_000_000_000, carried=(carried,))
    found = absences.of(start, RunEnd(10_000_000_000, (lost,)))
    assert [(each.node, each.by, each.part) for each in found] == [("b", "a", 0.05), ("a", None, 0.2)]


def test_the_reasons_say_what_is_missing_and_which_rows_are_unused() -> None:
    """Of a lost node's share: what was not sent of the whole run, and the rows that no iteration began with."""
    feeder = FeederInfo("users.csv", 30, ["shop"])
    start = replace(START, nodes=NODES, description=START.description._replace(feeders=(feeder,)))
    totals = Totals(4, nodes=NODES)
    began = {"second": 0, "phase": "steady", "kind": "scenario", "scenario": "shop", "worker": 1, "iterations_due": 4}
    totals.add(pa.RecordBatch.from_pylist([began | {"iterations_started": 4}], schema=PLAIN))
    lost = WorkerEnd(1, "lost", "node b was lost: it hung", lost_after_ns=5_000_000_000)
    end = RunEnd(10_000_000_000, (WorkerEnd(0, "finished"), lost))
    absent = absences.told(start, end, totals)
    assert absent == {"node b was lost: it hung": "25.0% of the run's load was not sent; 11 rows of users.csv unused"}
    (reason,) = lost_workers(start, end, absent)
    assert reason.endswith("(worker 1: node b was lost: it hung); " + absent["node b was lost: it hung"])

    carried = Carried(2_000_000_000, 5_000_000_000, "b", "it hung", "a", 50)
    end = RunEnd(10_000_000_000, (WorkerEnd(0, "finished"), WorkerEnd(1, "finished", carried=(carried,))))
    parts: Any = SimpleNamespace(start=start, end=end, totals=totals)
    (found,) = missing(parts)
    assert found.message.endswith("from 5.0 s on; 11 rows of users.csv unused")
