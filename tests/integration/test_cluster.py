"""Runs on a Dask cluster of this machine, as a user types them; its processes are killed and frozen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from loadcore.cluster.certificates import Certificates
from loadcore.cluster.dask_link import DaskLink
from loadcore.errors import RunError
from tests.integration.clusters import OnLoopback, cluster_of, loadcore
from tests.integration.counting_target import Target, counting_target
from tests.process_tree import is_alive, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHIN_S = 45.0


@pytest.fixture
def target() -> Iterator[Target]:
    """A target that counts."""
    with counting_target() as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLoopback]:
    """A cluster of two nodes that is whole again after each test."""
    with cluster_of(2, tmp_path_factory.mktemp("shared")) as found:
        yield found


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OnLoopback]:
    """A cluster of two nodes of this test alone."""
    with cluster_of(2, tmp_path / "cluster") as found:
        yield found


def scenario(folder: Path, target: Target, load: str) -> Path:
    """A scenario with a local import and a data file, where no node looks."""
    folder.mkdir(exist_ok=True)
    (folder / "shapes.py").write_text("PATH = '/items/{person}'\n")
    (folder / "people.csv").write_text("person\n" + "\n".join(f"p{number}" for number in range(40)))
    (folder / "shop.py").write_text(
        "from loadcore import *\nfrom shapes import PATH\n"
        f"shop = Scenario('shop', base_url='{target.url}', load={load}, feeders=[csv_feeder('people.csv')],\n"
        "    steps=[get(PATH, name='item')])\n"
    )
    return folder / "shop.py"


def start(file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a run."""
    return loadcore(["run", str(file), "--json", "--out", str(file.parent / "run"), *arguments], file.parent)


def ended(process: subprocess.Popen[bytes], file: Path) -> dict[str, Any]:
    """The summary of a run that was started, once it has ended."""
    process.wait(WITHIN_S)
    summary: dict[str, Any] = json.loads((file.parent / "run" / "summary.json").read_text())
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
        time.sleep(1)
    return now


def on_cluster(cluster: OnLoopback) -> list[str]:
    """The options of a run there, with a worker on each node."""
    return ["--cluster", cluster.address, "--nodes", "2", "--workers", "1"]


def test_two_nodes_are_two_processes(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """The same plan here and on two nodes: the same number of requests, for the same rows of test data."""
    load = "iterations(total=123, users=6)"
    here = scenario(tmp_path / "here", target, load)
    ended(start(here, "--workers", "2", "--seed", "7"), here)
    of_here = target.count()
    there = scenario(tmp_path / "there", target, load)
    summary = ended(start(there, *on_cluster(shared), "--seed", "7"), there)
    of_there = {path: count - of_here.get(path, 0) for path, count in target.count().items()}
    assert {path: count for path, count in of_there.items() if count} == of_here
    assert summary["load"]["requests"]["rows"] == 123 == sum(of_here.values())
    assert [node["name"] for node in summary["nodes"]] == ["127.0.0.2", "127.0.0.3"]


LOCUST = """
from pathlib import Path
from locust import FastHttpUser, constant, events, task
from shapes import PATH

class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def item(self):
        self.client.get(PATH + Path(__file__).with_name("name.txt").read_text())

@events.test_stop.add_listener
def _(environment, **_):
    if not hasattr(environment.runner, "clients"):
        print("users here:", sum(environment.runner.user_classes_count.values()))
"""


def test_a_locust_file_on_two_nodes(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Locust's master deals out the users over the cluster's own channel; its file finds its imports and data."""
    (tmp_path / "shapes.py").write_text("PATH = '/items/'\n")
    (tmp_path / "name.txt").write_text("ann")
    file = tmp_path / "locustfile.py"
    file.write_text(LOCUST)
    options = ["--headless", "-u", "5", "-r", "5", "-t", "3s", "-H", target.url, "--ship", "name.txt"]
    summary = ended(start(file, *options, *on_cluster(shared)), file)
    assert summary["load"]["requests"]["sent_total"] == at_rest(target) > 50
    assert set(target.count()) == {"/items/ann"}
    assert all(node["requests"] > 0 for node in summary["nodes"])
    assert [scenario["users"]["peak"] for scenario in summary["load"]["scenarios"]] == [5]


def test_users_in_python_on_two_nodes(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """All nodes together make each iteration once, from the bundle."""
    (tmp_path / "shapes.py").write_text("PATH = '/items'\n")
    file = tmp_path / "shop.py"
    file.write_text(
        "from loadcore import Client, Scenario, iterations\nfrom shapes import PATH\n"
        "async def shopper(c: Client) -> None:\n    await c.get(f'{PATH}/{c.user}/{c.iteration}', name='item')\n"
        f"shop = Scenario('shop', base_url='{target.url}', load=iterations(total=40, users=4), steps=shopper)\n"
    )
    summary = ended(start(file, *on_cluster(shared)), file)
    assert summary["load"]["requests"]["rows"] == 40 == target.total()
    assert max(target.count().values()) == 1


def test_a_killed_node(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Kill -9 of a node's agent: its load ends with it, the other continues, nothing is sent twice."""
    file = scenario(tmp_path / "shop", target, "arrival_rate('100/s', duration='8s')")
    run = start(file, *on_cluster(cluster), "--max-lost-share", "50%")
    wait_until(lambda: target.total() > 100, "no load")
    children = tree(cluster.nodes[1].pid)[1:]
    cluster.nodes[1].kill()
    summary = ended(run, file)
    assert run.returncode == 111
    assert summary["nodes"][1]["lost"]["share"] == 0.5
    assert summary["nodes"][0]["lost"] is None
    assert [each for each in children if is_alive(each)] == []
    assert 400 < at_rest(target) < 800


def test_a_frozen_node_heals(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """SIGSTOP of an agent for some seconds: late, then back, and nothing is missing in the end."""
    file = scenario(tmp_path / "shop", target, "arrival_rate('60/s', duration='9s')")
    run = start(file, *on_cluster(shared))
    wait_until(lambda: target.total() > 60, "no load")
    shared.nodes[1].send_signal(signal.SIGSTOP)
    time.sleep(4.5)
    shared.nodes[1].send_signal(signal.SIGCONT)
    summary = ended(run, file)
    log = "".join(path.read_text() for path in file.parent.glob("*.log"))
    assert "node 127.0.0.3 is late" in log
    assert "node 127.0.0.3 is back" in log
    assert summary["load"]["requests"]["recorded"] == 540 == at_rest(target)


def test_a_killed_scheduler(cluster: OnLoopback, target: Target, tmp_path: Path) -> None:
    """The run ends with what it has and says why; no node continues."""
    file = scenario(tmp_path / "shop", target, "arrival_rate('100/s', duration='60s')")
    run = start(file, *on_cluster(cluster))
    wait_until(lambda: target.total() > 400, "no load")
    began = time.monotonic()
    cluster.scheduler.kill()
    summary = ended(run, file)
    assert time.monotonic() - began < 30
    assert run.returncode == 111
    assert all(node["lost"] is not None for node in summary["nodes"])
    wait_until(lambda: not cluster.load_processes(), "load processes are still there")


def test_a_killed_driver(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """Without its driver a node ends its load with its lease, and takes the next run."""
    file = scenario(tmp_path / "shop", target, "arrival_rate('100/s', duration='60s')")
    run = start(file, *on_cluster(shared))
    wait_until(lambda: target.total() > 100, "no load")
    run.kill()
    run.wait()
    wait_until(lambda: not shared.load_processes(), "load processes are still there")
    at_rest(target)
    before = target.total()
    again = scenario(tmp_path / "again", target, "iterations(total=20, users=2)")
    summary = ended(start(again, *on_cluster(shared)), again)
    assert summary["load"]["requests"]["rows"] == 20 == target.total() - before


def test_ctrl_c_ends_all_nodes(shared: OnLoopback, target: Target, tmp_path: Path) -> None:
    """A run is stopped as one here is, and reports what it has."""
    file = scenario(tmp_path / "shop", target, "arrival_rate('100/s', duration='60s')")
    # A busy machine that runs these tests may well be the limit, which is another matter.
    run = start(file, *on_cluster(shared), "--no-strict-client")
    wait_until(lambda: target.total() > 100, "no load")
    os.kill(run.pid, signal.SIGINT)
    summary = ended(run, file)
    assert run.returncode == 130
    assert summary["load"]["requests"]["rows"] == at_rest(target)


def test_mutual_tls(target: Target, tmp_path: Path) -> None:
    """Certificates of one authority run; plain TCP, none, and those of another authority are refused."""
    for folder in ("certs", "others"):
        command = [sys.executable, "-m", "loadcore", "cluster", "certs", "--out", str(tmp_path / folder)]
        subprocess.run(command, check=True, capture_output=True)
    options = ["--certs", str(tmp_path / "certs")]
    with cluster_of(2, tmp_path / "cluster", options, "tls") as cluster:
        file = scenario(tmp_path / "shop", target, "iterations(total=20, users=2)")
        summary = ended(start(file, *on_cluster(cluster), *options), file)
        assert summary["load"]["requests"]["rows"] == 20 == target.total()
        _nothing_else_listens(cluster)
        _no_secret_in_logs(cluster, tmp_path / "certs")
        plain = cluster.address.replace("tls:", "tcp:")
        refusals = {
            (cluster.address, "others"): "cannot agree on TLS: self-signed certificate",
            (cluster.address, "none"): "certificates, and these do not exist",
            (plain, "certs"): "does not answer as a tcp:// scheduler does (is it at tls://?)",
        }
        asked = [
            subprocess.Popen(
                [sys.executable, "-m", "loadcore", "cluster", "status", address, "--certs", str(tmp_path / certs)],
                stderr=subprocess.PIPE,
                text=True,
            )
            for address, certs in refusals
        ]
        for process, why in zip(asked, refusals.values(), strict=True):
            error = process.communicate(timeout=WITHIN_S)[1]
            assert process.returncode != 0
            assert error.startswith("error: ")
            assert why in error
            assert "Traceback" not in error


def _nothing_else_listens(cluster: OnLoopback) -> None:
    """Dask would serve its pages, logs among them, over plain HTTP to everyone."""
    for process in (cluster.scheduler, *cluster.nodes):
        sockets = psutil.Process(process.pid).net_connections("tcp")
        listening = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
        assert listening <= {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


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
