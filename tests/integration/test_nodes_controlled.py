"""The load of a run on nodes is changed while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore import arrival_rate
from loadcore.cluster.placement import Cluster, ClusterPlacement
from loadcore.cluster.policy import Policy
from loadcore.errors import ExitCode
from loadcore.processes.launch import run_plan
from tests.contract.test_executors import plan_of
from tests.integration.asking import Asking, due_of
from tests.integration.counting_target import counting_target
from tests.integration.two_nodes import PATIENT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from loadcore.results.open.run import Run
    from tests.unit.cluster.nodes import FaultyLink


LASTS_S = 10
"""Long enough that an order is in time where the end of the first second is heard of late."""


def changed(link: FaultyLink, out: Path, **policy: Any) -> tuple[Run, list[str], int]:
    """A run of 100/s on both nodes that is asked for 300/s: the run, what was heard, and what the target counted."""
    asking = Asking(out, {0: "rate 300/s"})
    with counting_target() as target:
        plan = plan_of(target, arrival_rate("100/s", duration=f"{LASTS_S}s"))
        cluster = Cluster("tcp://127.0.0.1:1", out, policy=Policy(**{**vars(PATIENT), **policy}))
        placement = ClusterPlacement(link, cluster)
        run = run_plan(plan, (), workers=1, out=out, placement=placement, listeners=[asking])
        return run, asking.heard, target.total()


def test_all_nodes_take_an_order(link: FaultyLink, tmp_path: Path) -> None:
    """Each makes its share of the new rate: nothing is doubled or left out where it changes."""
    run, heard, counted = changed(link, tmp_path / "run")
    assert len(heard) == 1
    assert "rate 300/s" in heard[0]
    assert run.summary["load"]["requests"]["recorded"] == counted
    due = due_of(run.summary["load"]["orders"], lambda start, end: 100 * (end - start), LASTS_S)
    assert abs(counted - due) <= 1
    assert [node["lost"] for node in run.summary["nodes"]] == [None, None]


def test_a_node_that_does_not_take_an_order_is_lost(
    link: FaultyLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would offer another load than the others."""

    def refuse(**_: Any) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(link.agents["b"], "do_change", refuse)
    run, _, _ = changed(link, tmp_path / "run")
    assert [node["lost"] is not None for node in run.summary["nodes"]] == [False, True]
    assert run.exit_code == ExitCode.INVALID


def test_shares_that_are_carried_on_follow_the_plan(link: FaultyLink, tmp_path: Path) -> None:
    """So no change is taken, and the load stays as it was."""
    run, heard, counted = changed(link, tmp_path / "run", on_node_loss="rebalance")
    assert len(heard) == 1
    assert "rebalance" in heard[0]
    assert counted == 100 * LASTS_S
    assert "orders" not in run.summary["load"]
