"""The pods of a Kubernetes manifest, started on this machine as a kubelet would start them.

With `LOADCORE_IMAGE_TREE`, a folder with the files of the image (`make image`), they run in it: without root, without
capabilities, each with processes of its own, and with nothing to write to but their volumes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from loadcore.cluster import kubernetes
from loadcore.cluster.kubernetes import Job, objects
from tests.integration.clusters import free_port
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN_S = 120.0
TREE = os.environ.get("LOADCORE_IMAGE_TREE")
IN_TREE = """
tree=$1 folder=$2 index=$3
mount --bind "$tree" "$tree"
for volume in scenario certs work; do
    mkdir --parents "$tree/$volume"
    mount --bind "$folder/$volume" "$tree/$volume"
done
for volume in cache tmp; do
    mkdir --parents "$tree/$volume" "$folder/$volume-$index"
    chown 10001:10001 "$folder/$volume-$index"
    mount --bind "$folder/$volume-$index" "$tree/$volume"
done
mount --bind "$folder/hosts" "$tree/etc/hosts"
mount --types proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount --options remount,bind,ro "$tree"
exec chroot "$tree" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --inh-caps=-all \
    --bounding-set=-all sh -c "$4"
"""


@pytest.fixture
def target() -> Iterator[Target]:
    """A target that counts."""
    with counting_target() as found:
        yield found


class Pods:
    """The pods of a job: a process each, at a loopback address each, with the job's files where volumes would be.

    Args:
        folder: Where these are.
        job: The job.
        stack: Ends what still runs.
    """

    def __init__(self, folder: Path, job: Job, stack: ExitStack) -> None:
        made = {each["kind"]: each for each in objects(job)}
        self.spec: dict[str, Any] = made["Job"]["spec"]
        self._name, self._folder, self._stack = job.name, folder, stack
        for place, files in (("scenario", made["ConfigMap"]["data"]), ("certs", made["Secret"]["stringData"])):
            (folder / place).mkdir()
            for name, content in files.items():
                (folder / place / name).write_text(content)
        (folder / "work").mkdir()
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n127.0.0.2 {job.name}-0.{job.name}\n")
        if TREE:
            subprocess.run(["chown", "-R", "10001:10001", *(folder / at for at in ("certs", "work"))], check=True)

    def start(self, index: int) -> subprocess.Popen[bytes]:
        """Start a pod."""
        (container,) = self.spec["template"]["spec"]["containers"]
        own = {"JOB_COMPLETION_INDEX": str(index), "POD_IP": f"127.0.0.{index + 2}"}
        if TREE:
            set_there = {each["name"]: each["value"] for each in container["env"] if "value" in each}
            environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **set_there, **own}
            words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", IN_TREE, "pod"]
            words += [str(Path(TREE).absolute()), str(self._folder), str(index), container["command"][2]]
        else:
            environment = {**os.environ, **own, "LOADCORE_CACHE": str(self._folder / f"cache-{index}")}
            environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            words = self._here(container["command"])
        with self.log(index).open("wb") as log:
            pod = subprocess.Popen(words, stdout=log, stderr=log, env=environment, start_new_session=True)
        self._stack.callback(self.end, pod)
        return pod

    def _here(self, command: list[str]) -> list[str]:
        """The command with folders in place of volumes."""
        shell, option, script = command
        for place in ("scenario", "certs", "work"):
            script = script.replace(f"/{place}", f"{self._folder}/{place}")
        return [shell, option, script.replace(f"{self._name}-0.{self._name}", "127.0.0.2")]

    @staticmethod
    def ask_to_end(pod: subprocess.Popen[bytes]) -> None:
        """Send SIGTERM to the first process of a pod."""
        first = psutil.Process(pod.pid)
        (first.children()[0] if TREE else first).send_signal(signal.SIGTERM)

    @staticmethod
    def end(pod: subprocess.Popen[bytes]) -> None:
        """End what is left of a pod: with its first process all others of its container end."""
        with suppress(ProcessLookupError):
            os.killpg(pod.pid, signal.SIGKILL)
        pod.wait()

    def log(self, index: int) -> Path:
        """What a pod has printed."""
        return self._folder / f"pod-{index}.log"

    def ends_the_job(self, code: int) -> bool:
        """Whether the exit code of any pod is taken for the verdict."""
        (rule,) = self.spec["podFailurePolicy"]["rules"]
        return code in rule["onExitCodes"]["values"]


def job_of(folder: Path, target: Target, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Job:
    """Two nodes, and a scheduler at a free port."""
    monkeypatch.setattr(kubernetes, "PORT", free_port())
    (folder / "shop.py").write_text(
        "from loadcore import *\n"
        f"shop = Scenario('shop', base_url='{target.url}', load=iterations(total=20, users=4), steps=[get('/items')])\n"
    )
    scenario = folder / "shop.py"
    return Job("shop", "load", "loadcore", 2, "1", "1Gi", scenario, ("--workers", "1", "--out", "run", *arguments))


@pytest.mark.parametrize(("arguments", "verdict"), [((), 0), (("--threshold", "response.p50 < 1us"), 99)])
def test_pod_0_has_the_verdict(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], verdict: int
) -> None:
    """Nodes come before and after it, over TLS; all pods end with it, and no node's exit code is taken for one."""
    with ExitStack() as stack:
        pods = Pods(tmp_path, job_of(tmp_path, target, monkeypatch, *arguments), stack)
        first = pods.start(1)
        driver = pods.start(0)
        second = pods.start(2)
        assert driver.wait(WITHIN_S) == verdict, pods.log(0).read_text()
        pods.end(driver)
        codes = [node.wait(WITHIN_S) for node in (first, second)]
        logs = [pods.log(index).read_text() for index in (1, 2)]
    assert target.total() == 20
    assert json.loads((tmp_path / "work" / "run" / "summary.json").read_text())["load"]["requests"]["rows"] == 20
    assert [pods.ends_the_job(code) for code in codes] == [False, False], logs


def test_a_node_ends_when_it_is_asked_to(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sends SIGTERM to the first process of a pod, and the load must not wait for SIGKILL."""
    with ExitStack() as stack:
        pods = Pods(tmp_path, job_of(tmp_path, target, monkeypatch), stack)
        node = pods.start(1)
        deadline = time.monotonic() + WITHIN_S
        while "waiting for the scheduler" not in pods.log(1).read_text():
            assert time.monotonic() < deadline, pods.log(1).read_text()
            time.sleep(0.1)
        pods.ask_to_end(node)
        code = node.wait(WITHIN_S)
    assert not pods.ends_the_job(code if code >= 0 else 128 - code)
