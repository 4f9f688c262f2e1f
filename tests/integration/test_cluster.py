"""Runs on a Dask cluster of this machine; its processes are killed and frozen.

What does not depend on Dask is shown with agents in this process: `test_nodes`, and `tests/contract/test_executors`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from loadcore import Scenario, arrival_rate, csv_feeder, get, iterations
from loadcore.cli.app import main
from loadcore.cluster import placement, reach
from loadcore.cluster.certificates import Certificates, make
from loadcore.cluster.dask_link import DaskLink
from loadcore.cluster.placement import Cluster, connected
from loadcore.cluster.policy import Policy
from loadcore.cluster.tree import Tree
from loadcore.compiler import Options, compile_run
from loadcore.errors import ExitCode, RunError
from loadcore.processes.launch import run_plan
from tests.contract.test_executors import plan_of
from tests.integration.clusters import ROOT, OnLoopback, cluster_of, loadcore
from tests.integration.counting_target import Target, counting_target
from tests.process_tree import is_alive, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadcore.plan.plan import Plan
    from loadcore.results.open.run import Run

WITHIN_S = 120.0
PATIENT: dict[str, Any] = {"lead_s": 0.5, "renew_s": 0.2, "late_after_s": 20.0, "lost_after_s": 40.0}
"""A busy machine may hold up a node for long: what is lost here is lost by Dask's word."""


@pytest.fixture
def target() -> Iterator[Target]:
    """A target that counts."""
    with counting_target() as found:
        yield found


@pytest.fixture(scope="module")
def of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLoopback]:
    """A cluster of two nodes."""
    with cluster_of(2, tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def cluster(of_module: OnLoopback) -> OnLoopback:
    """The same, and what another test has killed of it was started again."""
    of_module.make_whole()
    return of_module


class Acting:
    """Follows a run: acts once its first second has ended, and again at a message.

    Args:
        first: What it does then.
        at: A part of the message.
        then: What it does at it.
    """

    def __init__(self, first: Callable[[], None], at: str = "\0", then: Callable[[], None] = lambda: None) -> None:
        self._first, self._at, self._then = first, at, then
        self.lines: list[str] = []

    def on_window(self, _frame: Any, second: int) -> None:
        """A second has ended."""
        if second == 0:
            self._first()

    def on_message(self, text: str) -> None:
        """Something worth knowing."""
        self.lines.append(text)
        if self._at in text:
            self._then()


def run_of(cluster: OnLoopback, plan: Plan, out: Path, acting: Acting | None = None, **policy: Any) -> Run:
    """A run with a worker on each node, that this process drives."""
    asked = Cluster(cluster.address, Path(), nodes=2, policy=Policy(**{**PATIENT, **policy}))
    with connected(asked) as nodes:
        return run_plan(plan, (), workers=1, out=out, placement=nodes, listeners=[acting] if acting else [])


def start(file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a run as a user does."""
    return loadcore(["run", str(file), "--json", "--out", str(file.parent / "run"), *arguments], file.parent)


def ended(process: subprocess.Popen[bytes], file: Path) -> dict[str, Any]:
    """The summary of a run that was started, once it has ended."""
    process.wait(WITHIN_S)
    found = file.parent / "run" / "summary.json"
    assert found.exists(), "".join(log.read_text() for log in file.parent.glob("*.log"))
    summary: dict[str, Any] = json.loads(found.read_text())
    return summary


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something, up to a deadline."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def at_rest(target: Target) -> int:
    """The target's count, once nothing comes any more."""
    before = -1
    deadline = time.monotonic() + WITHIN_S
    while (now := target.total()) != before:
        assert time.monotonic() < deadline, "the load does not end"
        before = now
        time.sleep(0.6)
    return now


def on_cluster(cluster: OnLoopback) -> list[str]:
    """The options of a run there, with a worker on each node."""
    return ["--cluster", cluster.address, "--nodes", "2", "--workers", "1"]


def test_two_nodes_are_two_processes(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """The same plan here and on two nodes: the same requests, choices and rows; a local import and a file travel."""
    (tmp_path / "shapes.py").write_text("PATH = '/items/{person}'\n")
    (tmp_path / "people.csv").write_text("person\n" + "\n".join(f"p{number}" for number in range(40)))
    file = tmp_path / "shop.py"
    file.write_text(
        "from loadcore import *\nfrom shapes import PATH\n"
        f"shop = Scenario('shop', base_url='{target.url}', load=arrival_rate('100/s', duration='1200ms'),\n"
        "    feeders=[csv_feeder('people.csv')],\n"
        "    steps=[get(PATH, name='item'), choice((1, [get('/a')]), (1, [get('/b')]))])\n"
    )
    here = ["run", str(file), "--workers", "2", "--seed", "7", "--out", str(tmp_path / "here"), "--quiet"]
    main(here)
    of_here = target.count()
    summary = ended(start(file, *on_cluster(cluster), "--seed", "7"), file)
    of_there = {path: count - of_here.get(path, 0) for path, count in target.count().items()}
    assert of_there == of_here
    assert 0 < of_here["/a"] < 120 == of_here["/a"] + of_here["/b"]
    assert summary["load"]["requests"]["rows"] == 240 == sum(of_here.values())
    assert [node["name"] for node in summary["nodes"]] == ["127.0.0.2", "127.0.0.3"]


LOCUST = """
from pathlib import Path
from locust import FastHttpUser, constant, task
from shapes import PATH

class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def item(self):
        self.client.get(PATH + Path(__file__).with_name("name.txt").read_text())
"""


def test_a_locust_file_on_two_nodes(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Locust's master deals out the users over the cluster's own channel; its file finds its imports and data."""
    (tmp_path / "shapes.py").write_text("PATH = '/items/'\n")
    (tmp_path / "name.txt").write_text("ann")
    file = tmp_path / "locustfile.py"
    file.write_text(LOCUST)
    options = ["--headless", "-u", "5", "-r", "5", "-t", "2s", "-H", target.url, "--ship", "name.txt"]
    summary = ended(start(file, *options, *on_cluster(cluster)), file)
    assert summary["load"]["requests"]["sent_total"] == at_rest(target) > 10
    assert set(target.count()) == {"/items/ann"}
    assert all(node["requests"] > 0 for node in summary["nodes"])


def test_a_killed_node_is_carried_on(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Kill -9 of a node's process: its load ends with it, the other has its share later, nothing is sent twice."""
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
    children: list[psutil.Process] = []

    def kill() -> None:
        children.extend(tree(cluster.nodes[1].pid)[1:])
        cluster.nodes[1].kill()

    policy = {"lease_s": 3.0, "carry_lead_s": 1.0, "workers_end_within_s": 0.5, "max_lost_share": 0.5}
    run = run_of(cluster, plan, tmp_path / "run", Acting(kill), on_node_loss="rebalance", **policy)
    assert children
    assert [each for each in children if is_alive(each)] == []
    paths = target.count()
    assert max(paths.values()) == 1, "a row was used twice"
    first, second = run.summary["nodes"]
    lost: Any = second["lost"]
    assert first["lost"] is None
    assert lost["share"] == 0.5
    assert lost["carried_on"]["by"] == [first["name"]]
    assert {f"/p{number}" for number in range(int(lost["carried_on"]["from_s"]) * 100, 1000)} <= set(paths)
    missing = run.summary["load"]["scenarios"][0]["missing_iterations"]
    assert 1000 - missing <= at_rest(target) < 1000


def test_a_group_of_nodes(cluster: OnLoopback, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes reach one another: one leads, the other reports and is ordered through it."""
    heard: list[str] = []
    handed: list[tuple[str | None, str]] = []
    hear, hand_over = Tree._heard, Tree._hand_over

    def hearing(tree: Tree, node: str, said: dict[str, Any]) -> None:
        heard.extend(member for member, _ in said.get("group", ()))
        hear(tree, node, said)

    def handing(tree: Tree, group: Any, leader: str | None, calls: list[Any]) -> None:
        handed.extend((leader, verb) for node, verb, *_ in calls if "127.0.0.3" in node)
        hand_over(tree, group, leader, calls)

    monkeypatch.setattr(Tree, "_heard", hearing)
    monkeypatch.setattr(Tree, "_hand_over", handing)
    plan = plan_of(target, arrival_rate("60/s", duration="3s"))
    run = run_of(cluster, plan, tmp_path / "run", flat_up_to=1, group=2)
    assert any("127.0.0.3" in member for member in heard)
    assert "go" in {verb for _, verb in handed}
    assert any(leader is not None and "127.0.0.2" in leader for leader, verb in handed if verb == "renew")
    assert [each["requests"] for each in run.summary["nodes"]] == [90, 90]
    assert run.summary["load"]["requests"]["rows"] == 180 == at_rest(target)


def test_a_frozen_node_heals(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """An agent that is stopped for a while is late, then back, and nothing is missing in the end."""
    node = cluster.nodes[1]
    acting = Acting(
        lambda: node.send_signal(signal.SIGSTOP), "127.0.0.3 is late", lambda: node.send_signal(signal.SIGCONT)
    )
    plan = plan_of(target, arrival_rate("60/s", duration="5s"))
    run = run_of(cluster, plan, tmp_path / "run", acting, late_after_s=1.5, lease_s=30.0)
    assert any("node 127.0.0.3 is back" in line for line in acting.lines)
    assert run.summary["load"]["requests"]["recorded"] == 300 == at_rest(target)


def test_a_killed_scheduler(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """The run ends with what it has and says why; no node continues."""
    plan = plan_of(target, arrival_rate("60/s", duration="90s"))
    run = run_of(cluster, plan, tmp_path / "run", Acting(cluster.scheduler.kill))
    assert run.summary["duration_s"] < 60
    assert run.exit_code == ExitCode.INVALID
    assert all(f"the scheduler at {cluster.address} is gone" in str(node["lost"]) for node in run.summary["nodes"])
    wait_until(lambda: not cluster.load_processes(), "load processes are still there")


def test_a_killed_driver(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Without its driver a node ends its load with its lease, and takes the next run."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.cluster_driver", cluster.address, target.url, str(tmp_path / "one")],
        cwd=ROOT,
    )
    wait_until(lambda: target.total() > 60, "no load")
    driver.kill()
    driver.wait()
    wait_until(lambda: not cluster.load_processes(), "load processes are still there")
    before = at_rest(target)
    run = run_of(cluster, plan_of(target, iterations(total=20, users=2)), tmp_path / "two")
    assert run.summary["load"]["requests"]["rows"] == 20 == target.total() - before


def test_mutual_tls(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates of one authority run; plain TCP, none, and those of another authority are refused."""
    for folder in ("certs", "others"):
        make(tmp_path / folder, 1)
    options = ["--certs", str(tmp_path / "certs")]
    with cluster_of(1, tmp_path / "cluster", options, "tls") as cluster:
        file = tmp_path / "shop.py"
        file.write_text(
            "from loadcore import *\n"
            f"shop = Scenario('shop', base_url='{target.url}', load=iterations(total=20), steps=[get('/')])\n"
        )
        summary = ended(start(file, "--cluster", cluster.address, "--nodes", "1", "--workers", "1", *options), file)
        assert summary["load"]["requests"]["rows"] == 20 == target.total()
        _nothing_else_listens(cluster)
        _no_secret_in_logs(cluster, tmp_path / "certs")
        plain = cluster.address.replace("tls:", "tcp:")
        refusals = {
            (cluster.address, "others"): "cannot agree on TLS: self-signed certificate",
            (cluster.address, "none"): "certificates, and these do not exist",
            (plain, "certs"): "does not answer as a tcp:// scheduler does (is it at tls://?)",
        }
        # What does not answer as it should is asked once, not until it might.
        monkeypatch.setattr(reach, "ANSWER_WITHIN_S", 1.0)
        monkeypatch.setattr(placement, "REACH_WITHIN_S", 0.1)
        for (address, certs), why in refusals.items():
            capsys.readouterr()
            assert main(["cluster", "status", address, "--certs", str(tmp_path / certs)]) != 0
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert why in error


def _nothing_else_listens(cluster: OnLoopback) -> None:
    """Dask would serve its pages, logs among them, over plain HTTP to everyone."""
    for process in (cluster.scheduler, *cluster.nodes):
        sockets = psutil.Process(process.pid).net_connections("tcp")
        listening = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
        assert listening <= {"127.0.0.1", "127.0.0.2"}


def _no_secret_in_logs(cluster: OnLoopback, certs: Path) -> None:
    """A node that cannot prepare a run says so, and does not log what it was sent."""
    link = DaskLink(cluster.address, Certificates.of(certs, "driver"))
    try:
        sent = {"plan": "{", "orders": [], "sha256": "0", "paths": {}, "lease_s": 1, "secrets": {"K": "hidden-value"}}
        with pytest.raises(RunError, match="property name"):
            link.call(link.nodes()[0], "prepare", WITHIN_S, run="broken", **sent).result()
    finally:
        link.close()
    log = "".join(path.read_text() for path in cluster.folder.glob("*.log"))
    assert "JSONDecodeError" in log
    assert "hidden-value" not in log
