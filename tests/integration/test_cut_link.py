"""Nodes in network namespaces of their own, with clocks of their own, and a link that is cut."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import process_tree
from tests.integration.namespaces import HUB, TARGET, ip, may_have_namespaces, network, process

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

WITHIN_S = 120.0
CLOCKS = {1: 500, 2: 12_345}
"""How far the monotonic clock of each node is ahead, in seconds."""
OFFSETS = """
import json, time
from pathlib import Path
from loadcore.cluster.clocks import offset_to
from loadcore.cluster.placement import Cluster, link_to
link = link_to(Cluster("tcp://10.203.7.1:8786", Path(), insecure=True))
deadline = time.monotonic() + 30
while len(nodes := link.nodes()) < 2 and time.monotonic() < deadline:
    time.sleep(0.1)
offsets = {node: offset_to(lambda: link.call(node, "clock", 10).result(10)) for node in nodes}
Path("offsets.json").write_text(json.dumps(offsets))
link.close()
"""
"""Measures the clocks of the nodes, as a run does."""


@pytest.mark.skipif(not may_have_namespaces(), reason="needs root, ip and time namespaces")
def test_a_link_that_is_cut(tmp_path: Path) -> None:
    """Clocks hours apart are known within their bounds; the node behind a cut link is late, lost, and ends its load."""
    (tmp_path / "shop.py").write_text(
        "from loadcore import *\nshop = Scenario('shop', base_url='http://10.203.7.1:8080',\n"
        "    load=arrival_rate('100/s', duration='18s'), steps=[get('/')])\n"
    )
    own = [sys.executable, "-m", "loadcore"]
    with ExitStack() as stack:
        machines = {str(number): f"10.203.7.{number + 10}" for number in CLOCKS}
        name = stack.enter_context(network("10.203.7.1", machines))

        def start(end: str, what: str, *words: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(process(f"{name}{end}", tmp_path / f"{what}.log", *words))

        start(HUB, "target", sys.executable, "-c", TARGET, "10.203.7.1")
        start(HUB, "scheduler", *own, "cluster", "scheduler", "--listen", "10.203.7.1", "--no-tls")
        nodes = {}
        for number, ahead_s in CLOCKS.items():
            clock = ["unshare", "--time", "--monotonic", str(ahead_s), "--fork", "--kill-child"]
            address = ["tcp://10.203.7.1:8786", "--own-address", f"10.203.7.{number + 10}", "--no-tls"]
            nodes[number] = start(str(number), f"node{number}", *clock, *own, "cluster", "worker", *address)
        assert start(HUB, "offsets", sys.executable, "-c", OFFSETS).wait(WITHIN_S) == 0
        offsets = json.loads((tmp_path / "offsets.json").read_text())
        for number, ahead_s in CLOCKS.items():
            (found,) = [each for node, each in offsets.items() if f".{number + 10}:" in node]
            assert abs(found[0] - ahead_s * 1_000_000_000) <= found[1], "further off than its bound"
        run = start(
            *(HUB, "run", *own, "run", "shop.py", "--cluster", "tcp://10.203.7.1:8786", "--no-tls", "--nodes", "2"),
            *("--workers", "1", "--out", "run", "--max-lost-share", "60%", "--no-strict-client", "--progress", "lines"),
        )
        deadline = time.monotonic() + WITHIN_S
        while not (process_tree.load_processes(nodes[2].pid) and (tmp_path / "run" / "run.json").exists()):
            assert time.monotonic() < deadline, (tmp_path / "run.log").read_text()
            time.sleep(0.1)
        time.sleep(5)  # The lead, and some seconds of load.
        ip(f"-n {name}2 link set eth0 down")
        while process_tree.load_processes(nodes[2].pid):
            assert time.monotonic() < deadline, "the node that was cut off still drives load"
            time.sleep(0.1)
        run.wait(WITHIN_S)
    log = (tmp_path / "run.log").read_text()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    first, second = summary["nodes"]
    assert log.index("node 10.203.7.12 is late") < log.index("node 10.203.7.12 was lost")
    # By how much a busy machine was late, if at all; a clock that is not known would be off by minutes.
    late_ms = re.findall(r"node \S+ (?:started|changed its load) (\d+) ms late", log)
    assert all(int(each) < 60_000 for each in late_ms), late_ms
    assert first["lost"] is None
    assert second["lost"]["share"] == 0.5
    assert first["requests"] == 900
    assert 0 < second["requests"] < 900
