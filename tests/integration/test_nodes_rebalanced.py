"""What a run on nodes does when a node is lost and another one carries on its share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import Scenario, arrival_rate, csv_feeder, get, iterations, rows_feeder, think, users
from loadcore.cluster.placement import Cluster, ClusterPlacement
from loadcore.cluster.policy import Policy
from loadcore.compiler import Options, compile_run
from loadcore.errors import UsageError
from loadcore.processes.launch import run_plan
from loadcore.report.text import render
from loadcore.results.shape import fault
from loadcore.results.sum.summary import schema
from tests.contract.test_executors import plan_of
from tests.integration.two_nodes import PATIENT, Told, count_at_rest, run
from tests.unit.cluster.nodes import FaultyLink

if TYPE_CHECKING:
    from loadcore.results.open.run import Run
    from tests.integration.counting_target import Target


def seconds_of(found: Run, second: int) -> list[dict[str, Any]]:
    """The windows of scenarios of a second."""
    rows: list[dict[str, Any]] = found.windows.to_pylist()
    return [row for row in rows if row["second"] == second and row["kind"] == "scenario"]


def is_of_lost_share(row: dict[str, Any]) -> bool:
    """Whether a window is of the scenario in the share of worker 1, which is the lost node's."""
    return bool(row["kind"] == "scenario" and row["worker"] == 1)


def rebalancing(**changes: Any) -> Policy:
    """A policy whose lost shares are carried on soon."""
    quick = {"on_node_loss": "rebalance", "lease_s": 2.0, "carry_lead_s": 1.0, "workers_end_within_s": 0.5}
    return Policy(**{**vars(PATIENT), **quick, **changes})


def test_a_lost_share_is_carried_on(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """From a second on the target gets the whole rate again: each arrival once, but for those in between."""
    people = tmp_path / "people.csv"
    people.write_text("person\n" + "\n".join(f"p{number}" for number in range(1200)))
    shop = Scenario(
        "shop",
        base_url=target.url,
        load=arrival_rate("100/s", duration="10s"),
        feeders=[csv_feeder(people, order="sequential", at_end="stop")],
        steps=[get("/{person}", name="person")],
    )
    plan = compile_run([shop], Options(seed=7, name="shop"), (), ())[0]
    before = target.count()
    told = Told(1, lambda: link.lose("b"))
    found = run(link, plan, tmp_path / "run", told, rebalancing())
    paths = {path: count - before.get(path, 0) for path, count in target.count().items() if path.startswith("/p")}
    lost: Any = found.summary["nodes"][1]["lost"]
    assert lost["carried_on"] is not None, told.lines
    assert lost["carried_on"]["by"] == ["a"]
    begins_s = lost["carried_on"]["from_s"]
    assert begins_s == int(begins_s) < 10
    assert max(paths.values()) == 1, "a row was used twice"
    # Rows go with arrivals: those of `a` are even, those of `b` odd; of the last seconds none is missing.
    assert {f"/p{number}" for number in range(int(begins_s) * 100, 1000)} <= set(paths)
    assert {f"/p{number}" for number in range(0, 1000, 2)} <= set(paths)
    missing = found.summary["load"]["scenarios"][0]["missing_iterations"]
    # What the lost node had sent and not reported counts as missing: its windows did not arrive.
    assert 0 < 1000 - sum(paths.values()) <= missing <= (begins_s - lost["after_s"] + 1) * 50
    # One that was due at the end of its last window and began later is not missing, and its row counts as unused.
    began = sum(row["iterations_started"] for row in found.windows.to_pylist() if is_of_lost_share(row))
    assert began <= 500 - missing
    assert lost["unused_rows"] == {"people": 600 - began}
    assert lost["missing_share"] == pytest.approx((begins_s - lost["after_s"]) / 10 / 2)
    assert found.summary["nodes"][0]["requests"] > 400
    assert found.summary["workers_lost"] == []
    (finding,) = [each for each in found.summary["findings"] if each["rule"] == "node_lost"]
    assert finding["severity"] == ("invalid" if lost["missing_share"] > 0.1 else "suspect")
    assert fault(found.summary, schema()) is None
    report = render(found.summary)
    assert "a carried on from" in report
    assert f"{missing} iterations of lost nodes are missing" in report


def test_a_node_that_hangs_has_ended_before_it_is_carried_on(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Its workers end with their lease, though its agent ends nothing; only then has another node their share."""
    plan = plan_of(target, arrival_rate("100/s", duration="14s"))

    def hang() -> None:
        link.cut.add("b")
        hanging: Any = link.agents["b"]._run
        hanging._mind_the_lease = lambda: None

    told = Told(1, hang)
    before = target.total()
    found = run(link, plan, tmp_path / "run", told, rebalancing(lost_after_s=1.5))
    missing = found.summary["load"]["scenarios"][0]["missing_iterations"]
    lost: Any = found.summary["nodes"][1]["lost"]
    count = count_at_rest(target) - before
    # More than was recorded is what `b` sent and could not report; never more than the plan.
    assert 1400 - missing <= count <= 1400
    assert lost["carried_on"]["by"] == ["a"]


def test_users_of_a_lost_node_begin_again_elsewhere(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """All users are there again in the end, and what is missing of a run is judged by its size."""
    shop = Scenario("shop", base_url=target.url, load=users(4, duration="10s"), steps=[get("/items"), think("20ms")])
    plan = compile_run([shop], Options(seed=7, name="shop"), (), ())[0]
    told = Told(1, lambda: link.lose("b"))
    found = run(link, plan, tmp_path / "run", told, rebalancing())
    lost: Any = found.summary["nodes"][1]["lost"]
    assert lost["carried_on"] is not None
    assert sum(row["users_active"] or 0 for row in seconds_of(found, 8)) == 4
    assert "missing_iterations" not in found.summary["load"]["scenarios"][0]


def test_a_node_that_carries_on_may_be_lost_too(tmp_path: Path, target: Target) -> None:
    """Its own share and the one that it carried go to the third, which has the whole load in the end."""
    link = FaultyLink(tmp_path / "nodes", "a", "b", "c")
    for node in ("a", "b", "c"):
        link.answers[node, "facts"] = link.agents[node].do_facts() | {"machine": node}
    plan = plan_of(target, arrival_rate("60/s", duration="13s"))
    first, second = Told(1, lambda: link.lose("b")), Told(3, lambda: link.lose("a"))
    placement = ClusterPlacement(link, Cluster("tcp://127.0.0.1:1", Path(), policy=rebalancing(max_lost_share=0.7)))
    found = run_plan(plan, (), workers=1, out=tmp_path / "run", placement=placement, listeners=[first, second])
    link.close()
    nodes: dict[str, Any] = {node["name"]: node for node in found.summary["nodes"]}
    assert nodes["b"]["lost"]["carried_on"]["by"] == ["a"]
    assert nodes["a"]["lost"]["carried_on"]["by"] == ["c"]
    assert sum(offset_ns // 10**9 == 12 for offset_ns in found.requests["offset_ns"].to_pylist()) == 60


@pytest.mark.parametrize(
    ("load", "order", "at_end", "why"),
    [
        (iterations(total=9, users=3), "sequential", "recycle", "shop counts iterations"),
        (users(3, duration="2s"), "shuffled", "stop", "shop uses each row of .* once"),
    ],
)
def test_what_cannot_be_carried_on_exactly_is_refused(
    link: FaultyLink, target: Target, tmp_path: Path, load: Any, order: Any, at_end: Any, why: str
) -> None:
    """Before the first request, with the reason."""
    feeder = rows_feeder([{"person": "ann"}], order=order, at_end=at_end)
    shop = Scenario("shop", base_url=target.url, load=load, feeders=[feeder], steps=[get("/{person}")])
    plan = compile_run([shop], Options(seed=7, name="shop"), (), ())[0]
    before = target.total()
    with pytest.raises(UsageError, match=why):
        run(link, plan, tmp_path / "run", policy=rebalancing())
    assert target.total() == before
