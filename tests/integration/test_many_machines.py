"""The guide "Many machines", word by word: what it says to type, typed on machines of a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from loadcore.errors import ExitCode
from tests import process_tree
from tests.docs.pages import ROOT, blocks_of
from tests.integration.namespaces import HUB, TARGET, may_have_namespaces, network, process

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN_S = 120.0
SCHEDULER = "10.0.0.5"
"""As in the guide."""
TARGET_AT = "10.0.0.1"
NODES = {f"load{number}": f"10.0.0.{number + 10}" for number in range(1, 5)}
REQUESTS = 200
SSH = """#!/bin/sh
cd {folder}/"$1" && exec ip netns exec {name}"$1" sh -c "$2"
"""
SRUN = """#!/bin/sh
for machine in {machines}; do
    (cd {folder}/shared && LOADCORE_CACHE={folder}/$machine exec ip netns exec {name}$machine "$@") &
done
wait
"""


def typed(part: str, language: str = "console") -> list[str]:
    """The commands of the guide's block that has this part; further lines of one belong to it."""
    page = ROOT / "docs" / "guides" / "many-machines.md"
    (block,) = [each for each in blocks_of(page) if part in each.text and each.language == language]
    if language != "console":
        return [block.text]
    commands: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("> "):
            commands[-1] += "\n" + line[2:]
    return commands


class Machines:
    """The machines that the guide speaks of, and the one that it is read on."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.name = stack.enter_context(network(TARGET_AT, {"head": SCHEDULER, "desk": "10.0.0.6", **NODES}))
        for machine in ("bin", "shared", "head", "desk", HUB, *NODES):
            (folder / machine).mkdir()
        facts = {"folder": folder, "name": self.name, "machines": " ".join(NODES)}
        for program, text in {"ssh": SSH, "srun": SRUN, "hostname": f"#!/bin/sh\necho {SCHEDULER} fe80::5\n"}.items():
            (folder / "bin" / program).write_text(text.format(**facts))
            (folder / "bin" / program).chmod(0o755)
        (folder / "desk" / "shop.py").write_text(
            "from loadcore import *\n"
            f"shop = Scenario('shop', base_url='http://{TARGET_AT}:8080',\n"
            f"    load=iterations(total={REQUESTS}, users=16), steps=[get('/items')])\n"
        )
        self.begin(HUB, "target", sys.executable, "-c", TARGET, TARGET_AT)

    def begin(self, machine: str, what: str, *words: str, at: str | None = None) -> subprocess.Popen[bytes]:
        """Start something on a machine."""
        log = self.folder / (at or machine) / f"{what}.log"
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        return self._stack.enter_context(process(f"{self.name}{machine}", log, *words, PATH=path))

    def type(self, machine: str, command: str, at: str | None = None) -> subprocess.Popen[bytes]:
        """Type a command there."""
        what = "-".join(command.split()[:3]).replace("/", "")
        return self.begin(machine, what, "sh", "-c", command, at=at)

    def carry(self, role: str, machine: str) -> None:
        """Copy what the guide says of the certificates: the authority and one pair."""
        source, there = self.folder / "desk" / "cluster-certs", self.folder / machine / "cluster-certs"
        there.mkdir()
        for path in (source / "ca.pem", *source.glob(f"{role}.*")):
            shutil.copy(path, there)

    def said(self) -> str:
        """What was printed everywhere."""
        return "".join(f"\n{log.relative_to(self.folder)}:\n{log.read_text()}" for log in self.folder.rglob("*.log"))

    def came(self) -> int:
        """What the target counts."""
        address = f"http://{TARGET_AT}:8080/_count"
        words = [sys.executable, "-c", f"import urllib.request as r; print(r.urlopen('{address}').read().decode())"]
        return int(subprocess.check_output(["ip", "netns", "exec", f"{self.name}{HUB}", *words]))

    def is_as_asked(self, place: Path) -> None:
        """All four nodes had a part of the load, which came once, and each clock is known."""
        summary: dict[str, Any] = json.loads((place / "latest" / "summary.json").read_text())
        assert sorted(node["name"] for node in summary["nodes"]) == sorted(NODES.values())
        assert all(node["requests"] > 0 and node["lost"] is None for node in summary["nodes"])
        assert summary["load"]["requests"]["rows"] == REQUESTS
        assert {urlsplit(node["address"]).scheme for node in summary["nodes"]} == {"tls"}


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """All of them."""
    with ExitStack() as stack:
        yield Machines(tmp_path, stack)


@pytest.mark.skipif(not may_have_namespaces(), reason="needs root, ip and namespaces")
def test_the_guide(machines: Machines) -> None:
    """Certificates, a scheduler, a node by hand and three over SSH, and a run; then the same as a job of Slurm."""
    (certs,) = typed("cluster certs --out")
    assert machines.type("desk", certs).wait(WITHIN_S) == 0, machines.said()
    machines.carry("scheduler", "head")
    for node in NODES:
        machines.carry("node", node)
    scheduler, worker, run = typed("cluster scheduler --listen")
    serving = machines.type("head", scheduler)
    by_hand = machines.type("load4", worker)
    (over_ssh,) = typed("nohup", "sh")
    assert machines.type("desk", over_ssh).wait(WITHIN_S) == 0, machines.said()
    running = machines.type("desk", run)
    deadline = time.monotonic() + WITHIN_S
    while running.poll() is None:
        assert time.monotonic() < deadline, machines.said()
        time.sleep(0.1)
    # On a busy machine the measurement may be invalid; the counts are exact all the same.
    assert running.returncode in {ExitCode.PASS, ExitCode.INVALID}, machines.said()
    machines.is_as_asked(machines.folder / "desk" / "runs")
    assert machines.came() == REQUESTS
    assert "Traceback" not in machines.said()
    process_tree.kill(serving.pid)
    by_hand.wait(WITHIN_S)

    (job,) = typed("#SBATCH", "bash")
    shutil.copytree(machines.folder / "desk" / "cluster-certs", machines.folder / "shared" / "cluster-certs")
    shutil.copy(machines.folder / "desk" / "shop.py", machines.folder / "shared")
    (machines.folder / "shared" / "job.sh").write_text(job)
    batch = machines.type("head", "bash job.sh", at="shared")
    batch.wait(WITHIN_S)
    assert batch.returncode in {ExitCode.PASS, ExitCode.INVALID}, machines.said()
    machines.is_as_asked(machines.folder / "shared" / "runs")
    assert machines.came() == 2 * REQUESTS
