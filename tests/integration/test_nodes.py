"""What a run on nodes does when nodes fail: agents in this process, behind a link that can be cut."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import (
    Scenario,
    arrival_rate,
    bearer,
    env,
    get,
    iterations,
)
from loadcore.cli.app import main
from loadcore.cluster.placement import Cluster, ClusterPlacement
from loadcore.cluster.policy import Policy
from loadcore.compiler import Options, compile_run
from loadcore.errors import ExitCode, LimitsError, ScenarioRaised, UsageError
from loadcore.loader.scenario_file import load
from loadcore.processes.launch import run_plan
from loadcore.report.text import render
from loadcore.results.open.leaving_out import without_nodes
from loadcore.results.open.opening import open_run
from loadcore.results.open.run import Run
from loadcore.results.shape import fault
from loadcore.results.sum.summary import schema
from tests.contract.test_executors import plan_of
from tests.integration.counting_target import Target, counting_target
from tests.integration.two_nodes import PATIENT, Told, count_at_rest, run
from tests.unit.cluster.nodes import FaultyLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target that counts."""
    with counting_target() as found:
        yield found


def lasting(target: Target, load: str = "4s") -> Any:
    """Users for some seconds."""
    return plan_of(target, arrival_rate("100/s", duration=load))


def test_all_shares_once(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Rows, summary and target agree, and the second run ships nothing."""
    before = target.total()
    found = run(link, lasting(target, "2s"), tmp_path / "one")
    sent = found.summary["load"]["requests"]["recorded"]
    assert sent == 200 == target.total() - before == found.summary["load"]["requests"]["rows"]
    link.calls.clear()
    run(link, lasting(target, "1s"), tmp_path / "two")
    assert {verb for _, verb in link.calls}.isdisjoint({"put"})


def test_a_node_is_left_out_of_the_report(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """The summary of the other node alone: half of the requests, said in a note; no such node is an error."""
    found = run(link, lasting(target, "2s"), tmp_path / "run")
    alone = without_nodes(found, ["b"])
    assert alone["load"]["requests"]["recorded"] == 100
    assert [node["name"] for node in alone["nodes"]] == ["a"]
    assert alone["verdict"]["notes"] == ["without node b, which had 1 of 2 workers"]
    assert fault(alone, schema()) is None
    killed = without_nodes(Run(found.path, {**found.summary}, "killed"), ["b"])
    assert killed["verdict"]["reasons"][0].startswith("the run was killed")
    page = tmp_path / "page.html"
    assert main(["report", str(found.path), "--leave-out-node", "b", "--html", str(page)]) == ExitCode.USAGE
    assert not page.exists()
    with pytest.raises(UsageError, match="the run has no node c: it has a, b"):
        without_nodes(found, ["c"])
    with pytest.raises(UsageError, match="no node is left"):
        without_nodes(found, ["a", "b"])


def test_clocks_that_differ_by_hours(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Nodes start together whatever their monotonic clocks say."""
    link.skew_ns = {"a": 500_000_000_000, "b": -12_345_000_000_000}
    before = target.total()
    found = run(link, lasting(target, "2s"), tmp_path / "run")
    assert found.summary["load"]["requests"]["recorded"] == 200 == target.total() - before
    late, bounds = ([node[of] for node in found.summary["nodes"]] for of in ("started_late_ns", "clock_bound_ns"))
    assert min(late) >= 0
    report = render(found.summary)
    for node in found.summary["nodes"]:
        assert f"started {node['started_late_ns'] / 1e6:.1f} ms late" in report
        assert f"clock to {node['clock_bound_ns'] / 1e6:.2f} ms" in report
    assert max(late) - min(late) <= found.summary["start_skew_ns"] <= max(late) + 2 * max(bounds) < 60_000_000_000


def test_users_in_python_run_from_the_bundle(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Their file, what it imports and what was shipped are read on the node, not where the run was started."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "nearby.py").write_text(
        "from pathlib import Path\nNAME = Path(__file__).with_name('name.txt').read_text()\n"
    )
    (project / "name.txt").write_text("ann")
    (project / "shop.py").write_text(
        "from loadcore import Client, Scenario, iterations\nfrom nearby import NAME\n"
        "async def shopper(c: Client) -> None:\n    await c.get(f'/{NAME}{__file__}', name='at')\n"
        f"shop = Scenario('shop', base_url='{target.url}', load=iterations(total=8, users=2), steps=shopper)\n"
    )
    before = target.count()
    plan = compile_run(load(str(project / "shop.py")).scenarios, Options(seed=7, name="shop"), (), ())[0]
    cluster = Cluster("tcp://127.0.0.1:1", Path(), shipped=(project / "name.txt",), policy=PATIENT)
    run_plan(plan, (), workers=1, out=tmp_path / "run", placement=ClusterPlacement(link, cluster))
    paths = {path: count for path, count in target.count().items() if path not in before}
    assert sum(paths.values()) == 8
    assert {path.partition("/bundles/")[0] for path in paths} == {f"/ann{tmp_path}/nodes/{node}" for node in ("a", "b")}


def test_a_file_that_did_not_travel_is_named(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """With the nodes that lack it and the line that opens it, before the first request."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "name.txt").write_text("ann")
    (project / "shop.py").write_text(
        "from pathlib import Path\nfrom loadcore import Client, Scenario, iterations\n"
        "NAME = Path(__file__).with_name('name.txt').read_text()\n"
        "async def shopper(c: Client) -> None:\n    await c.get('/')\n"
        f"shop = Scenario('shop', base_url='{target.url}', load=iterations(total=8, users=2), steps=shopper)\n"
    )
    before = target.total()
    plan = compile_run(load(str(project / "shop.py")).scenarios, Options(seed=7, name="shop"), (), ())[0]
    with pytest.raises(ScenarioRaised, match=r"node a, node b: FileNotFoundError: .*name\.txt") as raised:
        run(link, plan, tmp_path / "run")
    assert raised.value.exit_code == ExitCode.SCENARIO_RAISED
    assert raised.value.frames[-1].startswith("shop.py:3 in <module>: NAME = ")
    assert "--ship PATH" in str(raised.value.hint)
    assert target.total() == before


def test_a_locust_file_runs_from_the_bundle(
    link: FaultyLink, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers reach Locust's master through the channel of the nodes, and have its users between them."""
    monkeypatch.setattr("loadcore.cluster.placement.link_to", lambda _cluster: link)
    (tmp_path / "shapes.py").write_text("from pathlib import Path\nPATH = str(Path(__file__).parent)\n")
    (tmp_path / "locustfile.py").write_text(
        "from locust import FastHttpUser, constant, task\nfrom shapes import PATH\n"
        "class Shopper(FastHttpUser):\n    wait_time = constant(0.02)\n"
        "    @task\n    def item(self):\n        self.client.get(PATH, name='at')\n"
    )
    before = target.count()
    words = ["--headless", "-u", "4", "-r", "100", "-t", "4s", "-H", target.url, "--cluster", "tcp://127.0.0.1:1"]
    main(["run", str(tmp_path / "locustfile.py"), *words, "--out", str(tmp_path / "run"), "--quiet"])
    found = open_run(tmp_path / "run").summary
    paths = {path for path in target.count() if path not in before}
    assert {path.partition("/bundles/")[0] for path in paths} == {f"{tmp_path}/nodes/{node}" for node in ("a", "b")}
    assert [node["requests"] > 0 for node in found["nodes"]] == [True, True]
    assert found["load"]["requests"]["sent_total"] == sum(target.count()[path] for path in paths)
    assert ("a", "tunnel") in link.calls


def test_a_message_that_comes_twice_counts_once(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Batches have numbers: one that was seen is dropped."""
    link.repeats = 2
    found = run(link, lasting(target, "2s"), tmp_path / "run")
    assert found.summary["load"]["requests"]["recorded"] == 200


def test_every_second_is_there_once(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Though each message comes twice, and those of a node seconds late: the totals are the sum of the nodes."""
    link.repeats = 2

    def pause() -> None:
        link.hold()
        threading.Timer(1.2, link.release).start()

    told = Told(0, pause)
    before = target.total()
    found = run(link, lasting(target), tmp_path / "run", told)
    rows = [row for row in found.windows.to_pylist() if row["kind"] == "scenario"]
    # What was due before the end and answered after it is of another phase than the rest of that second.
    seen = [(row["second"], row["worker"], row["phase"]) for row in rows]
    assert len(seen) == len(set(seen))
    assert {(second, worker, "steady") for second in range(4) for worker in (0, 1)} <= set(seen)
    assert sum(row["iterations_due"] for row in rows) == 400
    requests = [node["requests"] for node in found.summary["nodes"]]
    assert sum(requests) == found.summary["all"]["requests"] == 400 == target.total() - before


def test_a_node_that_is_ready_late_delays_the_start(
    link: FaultyLink, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment of the start is chosen once all are ready, so both start together and nothing is missing."""
    arm, ready = link.agents["b"].do_arm, []
    starts: dict[str, int] = {}

    def late(**arguments: Any) -> Any:
        time.sleep(1.0)
        ready.append(time.monotonic_ns())
        return arm(**arguments)

    def starting(node: str) -> Callable[..., int]:
        go = link.agents[node].do_go

        def noted(**arguments: Any) -> int:
            starts[node] = arguments["start_at_ns"]
            return go(**arguments)

        return noted

    monkeypatch.setattr(link.agents["b"], "do_arm", late)
    for node in ("a", "b"):
        monkeypatch.setattr(link.agents[node], "do_go", starting(node))
    found = run(link, lasting(target, "1s"), tmp_path / "run")
    assert found.summary["load"]["requests"]["recorded"] == 100
    assert max(starts.values()) - min(starts.values()) < 100_000_000
    assert min(starts.values()) > ready[0]


def test_messages_that_are_lost_make_the_run_invalid(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """The counts are too small from then on, and no report may hide that."""
    told = Told(0, lambda: link.drops.update(b=2))
    found = run(link, lasting(target, "6s"), tmp_path / "run", told)
    assert any("2 messages of node b did not arrive" in line for line in told.lines)
    assert found.exit_code == ExitCode.INVALID
    assert any("messages of node b did not arrive" in reason for reason in found.verdict["reasons"])


def test_a_node_that_is_left_out_gets_no_share(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """It is never asked for anything; one that does not exist is an error that names those that do."""
    address = "tcp://127.0.0.1:1"
    placement = ClusterPlacement(link, Cluster(address, Path(), leave_out=("b",), nodes=1, policy=PATIENT))
    found = run_plan(lasting(target, "1s"), (), workers=1, out=tmp_path / "run", placement=placement)
    assert [node["name"] for node in found.summary["nodes"]] == ["a"]
    assert found.summary["load"]["requests"]["recorded"] == 100
    assert {verb for node, verb in link.calls if node == "b"} <= {"facts"}
    with pytest.raises(UsageError, match="--leave-out-node c: the cluster has a, b"):
        ClusterPlacement(link, Cluster(address, Path(), leave_out=("b", "c")))


def test_a_node_that_dies(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """The other one continues, the missing share is a number, no request is made twice, and a reader agrees."""
    told = Told(1, lambda: link.lose("b"))
    before = target.total()
    found = run(link, lasting(target, "8s"), tmp_path / "run", told)
    count = count_at_rest(target) - before
    nodes = {node["name"]: node for node in found.summary["nodes"]}
    assert found.exit_code == 111
    lost = nodes["b"]["lost"]
    assert lost is not None
    assert lost["share"] == 0.5
    assert 1 < lost["after_s"] < 8
    assert nodes["a"]["lost"] is None
    assert 400 < count < 800
    assert any("node b was lost: it left the cluster" in line for line in told.lines)
    assert any("half" in reason or "50%" in reason for reason in found.verdict["reasons"])
    assert open_run(found.path).summary["nodes"] == found.summary["nodes"]


def test_nodes_in_groups(target: Target, tmp_path: Path) -> None:
    """They work as they do alone; the loss of a leader is the loss of that node and takes nothing else with it."""
    names = ("a", "b", "c", "d")
    link = FaultyLink(tmp_path / "nodes", *names)
    link.answers = {(node, "facts"): link.agents[node].do_facts() | {"machine": node} for node in names}
    told = Told(1, lambda: link.lose("a"))
    before = target.total()
    found = run(
        link, lasting(target, "8s"), tmp_path / "run", told, Policy(**{**vars(PATIENT), "flat_up_to": 2, "group": 2})
    )
    link.close()
    first, *others = found.summary["nodes"]
    assert first["lost"] is not None
    assert [node["requests"] for node in others] == [200, 200, 200]
    assert [node["lost"] for node in others] == [None, None, None]
    assert not any("did not arrive" in line for line in told.lines)
    assert 600 + first["requests"] <= count_at_rest(target) - before < 800
    assert {node for node, verb in link.calls if verb == "pass_on"} == {"a", "c"}


def test_a_node_that_is_cut_off(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """It is late, then lost; its own load ends with its lease, and it is never asked again."""
    told = Told(1, lambda: link.cut.add("b"))
    before = target.total()
    policy = Policy(**{**vars(PATIENT), "lease_s": 3.0, "late_after_s": 1.0, "lost_after_s": 5.0})
    run(link, lasting(target, "12s"), tmp_path / "run", told, policy)
    count = count_at_rest(target) - before
    late = next(number for number, line in enumerate(told.lines) if "node b is late" in line)
    lost = next(number for number, line in enumerate(told.lines) if "node b was lost" in line)
    assert late < lost
    # 600 of `a`, and those of `b` until its lease ended.
    assert 600 < count < 600 + 50 * 12
    gone = len(link.calls) - 1 - link.calls[::-1].index(("b", "renew"))
    assert ("b", "stop") not in link.calls[gone:]
    assert ("b", "forget") not in link.calls


def test_a_pause_heals(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """A node that was late and is back has lost nothing."""
    told, second = Told(1, link.hold), Told(3, link.release)
    heedful = Policy(**{**vars(PATIENT), "late_after_s": 0.6})
    placement = ClusterPlacement(link, Cluster("tcp://127.0.0.1:1", Path(), policy=heedful))
    found = run_plan(
        lasting(target, "5s"), (), workers=1, out=tmp_path / "run", placement=placement, listeners=[told, second]
    )
    assert any("node b is late" in line for line in told.lines)
    assert any("node b is back" in line for line in told.lines)
    assert found.summary["load"]["requests"]["recorded"] == 500


def test_abort_with_the_first_lost_node(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """The run ends then, and says why."""
    policy = Policy(**{**vars(PATIENT), "on_node_loss": "abort"})
    told = Told(1, lambda: link.lose("b"))
    found = run(link, lasting(target, "60s"), tmp_path / "run", told, policy)
    assert found.summary["duration_s"] < 20
    assert any("`--on-node-loss` is `abort`" in line for line in told.lines)
    assert found.exit_code == 111


def test_too_large_a_share(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """A run that lost more than it may lose ends."""
    policy = Policy(**{**vars(PATIENT), "max_lost_share": 0.25})
    told = Told(1, lambda: link.lose("b"))
    found = run(link, lasting(target, "60s"), tmp_path / "run", told, policy)
    assert found.summary["duration_s"] < 20
    assert any("50% of the workers are lost, and the run may lose 25%" in line for line in told.lines)


def test_a_worker_that_dies_is_not_its_node(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Kill -9 of a load process: the worker is lost, its node is not, its rows up to then are kept."""

    def kill() -> None:
        run_of_b = link.agents["b"]._run
        assert run_of_b is not None
        next(iter(run_of_b._handles.values()))._process.kill()

    told = Told(1, kill)
    found = run(link, lasting(target, "8s"), tmp_path / "run", told)
    assert [lost["worker"] for lost in found.summary["workers_lost"]] == [1]
    assert found.summary["nodes"][1]["lost"] is None
    assert "SIGKILL" in str(found.summary["workers_lost"][0]["reason"])


@pytest.mark.parametrize("fact", ["loadcore", "python", "architecture"])
def test_a_node_of_another_kind_is_refused_by_name(link: FaultyLink, fact: str) -> None:
    """All that is wrong with nodes is listed, before anything is sent."""
    link.answers["b", "facts"] |= {fact: "other", "free_bytes": 5}
    with pytest.raises(LimitsError) as raised:
        ClusterPlacement(link, Cluster("tcp://127.0.0.1:1", Path()))
    assert "node b has" in str(raised.value)
    assert "other" in str(raised.value)
    assert "free disk" in str(raised.value)


def test_two_nodes_of_one_machine_are_refused(tmp_path: Path) -> None:
    """They would share its cores, and its load would be double."""
    found = FaultyLink(tmp_path, "tcp://10.0.0.1:1", "tcp://10.0.0.2:1")
    with pytest.raises(LimitsError, match=r"nodes 10\.0\.0\.1 and 10\.0\.0\.2 are one machine"):
        ClusterPlacement(found, Cluster("tcp://127.0.0.1:1", Path()))
    found.close()


def test_a_node_that_lacks_a_secret_is_named(
    link: FaultyLink, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a link that others can read secrets do not travel; over a private one those that are missing do."""
    monkeypatch.setenv("SHOP_KEY", "hidden-value")
    shop = Scenario(
        "shop",
        base_url=target.url,
        load=iterations(total=4, users=4),
        auth=bearer(env("SHOP_KEY")),
        steps=[get("/items")],
    )
    plan = compile_run([shop], Options(seed=7, name="shop"), (), ())[0]
    link.answers["b", "facts"] |= {"missing": ["SHOP_KEY"]}
    link.is_private = False
    with pytest.raises(LimitsError, match="node b has no SHOP_KEY"):
        run(link, plan, tmp_path / "refused")
    link.is_private = True
    assert run(link, plan, tmp_path / "sent").summary["load"]["requests"]["recorded"] == 4
    assert not [
        path for path in (tmp_path / "nodes").rglob("*") if path.is_file() and b"hidden-value" in path.read_bytes()
    ]


def test_rows_in_a_store(link: FaultyLink, target: Target, tmp_path: Path) -> None:
    """Each node puts its rows there; the manifest says where, with the same hashes, and nothing counts as lost."""
    policy = Policy(**{**vars(PATIENT), "store": f"file://{tmp_path}/store"})
    found = run(link, lasting(target, "1s"), tmp_path / "run", policy=policy)
    files = json.loads((tmp_path / "run" / "manifest.json").read_text())["files"]
    stored = [entry for entry in files if entry.get("stored")]
    assert sum(entry["rows"] for entry in stored) == 100
    for entry in stored:
        content = Path(entry["stored"].removeprefix("file://")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert not [*(tmp_path / "run").glob("requests-*")]
    assert found.summary["load"]["requests"]["rows_dropped"] == 0


@pytest.mark.parametrize(
    ("address", "why"),
    [("host:8786", "is not an address"), ("tcp://10.0.0.1:8786", "is not encrypted"), ("tls://host", "not an address")],
)
def test_addresses_that_cannot_be_used(address: str, why: str) -> None:
    """What is wrong, and what to write."""
    found = Cluster(address, Path()).problems()
    assert found is not None
    assert why in found
