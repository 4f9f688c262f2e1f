"""Nodes in network namespaces of their own, with clocks of their own, and a link that is cut."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import process_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
WITHIN_S = 60.0
CLOCKS = {1: 500, 2: 12_345}
"""How far the monotonic clock of each node is ahead, in seconds."""


def ip(words: str) -> None:
    """Runs `ip`."""
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def may_have_namespaces() -> bool:
    """Whether this user may make network and time namespaces here."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        return False
    name = f"probe{os.getpid()}"
    try:
        ip(f"netns add {name}")
        ip(f"netns del {name}")
        subprocess.run(["unshare", "--time", "--monotonic", "5", "--fork", "true"], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def network() -> Iterator[str]:
    """A hub and two nodes, each a namespace; gives the beginning of their names."""
    name = f"lc{os.getpid() % 100_000}"
    with ExitStack() as stack:
        for end in ("h", "1", "2"):
            ip(f"netns add {name}{end}")
            stack.callback(ip, f"netns del {name}{end}")
            ip(f"-n {name}{end} link set lo up")
        ip(f"-n {name}h link add bridge type bridge")
        ip(f"-n {name}h addr add 10.203.7.1/24 dev bridge")
        ip(f"-n {name}h link set bridge up")
        for number in CLOCKS:
            ip(f"link add up{number} netns {name}h type veth peer name eth0 netns {name}{number}")
            ip(f"-n {name}h link set up{number} master bridge up")
            ip(f"-n {name}{number} addr add 10.203.7.{number + 10}/24 dev eth0")
            ip(f"-n {name}{number} link set eth0 up")
        yield name


@contextmanager
def process(namespace: str, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a namespace, until the end of the block."""
    environment = {**os.environ, "LOADCORE_CACHE": str(log.parent / "cache")}
    with log.open("wb") as output:
        started = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *words], cwd=log.parent, stdout=output, stderr=output, env=environment
        )
    try:
        yield started
    finally:
        process_tree.kill(started.pid)
        started.wait()


TARGET = """
import asyncio
async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
async def main():
    async with await asyncio.start_server(answer, "10.203.7.1", 8080) as server:
        await server.serve_forever()
asyncio.run(main())
"""


@pytest.mark.skipif(not may_have_namespaces(), reason="needs root, ip and time namespaces")
def test_a_link_that_is_cut(tmp_path: Path) -> None:
    """Nodes whose clocks differ by hours start together; the one behind a cut link is late, lost, and ends its load."""
    (tmp_path / "shop.py").write_text(
        "from loadcore import *\nshop = Scenario('shop', base_url='http://10.203.7.1:8080',\n"
        "    load=arrival_rate('100/s', duration='18s'), steps=[get('/')])\n"
    )
    own = [sys.executable, "-m", "loadcore"]
    with ExitStack() as stack:
        name = stack.enter_context(network())

        def start(end: str, what: str, *words: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(process(f"{name}{end}", tmp_path / f"{what}.log", *words))

        start("h", "target", sys.executable, "-c", TARGET)
        start("h", "scheduler", *own, "cluster", "scheduler", "--listen", "10.203.7.1", "--no-tls")
        nodes = {}
        for number, ahead_s in CLOCKS.items():
            clock = ["unshare", "--time", "--monotonic", str(ahead_s), "--fork", "--kill-child"]
            address = ["tcp://10.203.7.1:8786", "--own-address", f"10.203.7.{number + 10}", "--no-tls"]
            nodes[number] = start(str(number), f"node{number}", *clock, *own, "cluster", "worker", *address)
        run = start(
            *("h", "run", *own, "run", "shop.py", "--cluster", "tcp://10.203.7.1:8786", "--no-tls", "--nodes", "2"),
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
    assert re.search(r"node \S+ (started|changed its load) \d+ ms late", log) is None
    assert first["lost"] is None
    assert second["lost"]["share"] == 0.5
    assert first["requests"] == 900
    assert 0 < second["requests"] < 900
