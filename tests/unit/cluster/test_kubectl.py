"""A run on Kubernetes, with a kubectl that is recorded."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

KUBECTL = """#!{python}
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if "apply" in arguments:
    (here / "manifest").write_text(sys.stdin.read())
if "get" in arguments:
    # The first status, and the next one with each log that has ended.
    logs = sum("logs" in json.loads(call) for call in (here / "calls").read_text().splitlines())
    statuses = json.loads((here / "status").read_text())
    status = statuses[min(logs, len(statuses) - 1)]
    pods = [] if status is None else [{{"metadata": {{"name": "x-0-abc"}}, "status": status}}]
    print(json.dumps({{"items": pods}}))
if "logs" in arguments:
    print("the report of the run")
if (here / "refuses").exists() and (here / "refuses").read_text() in arguments:
    sys.exit("first line\\nError: the namespace is full")
"""
RUNNING = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}


def ended(code: int, reason: str = "Error") -> dict[str, object]:
    """The status of a pod whose container has ended."""
    state = {"terminated": {"exitCode": code, "reason": reason}}
    return {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [{"state": state}]}


@pytest.fixture
def run_with(tmp_path: Path) -> Run:
    """Runs `loadcore run` with a kubectl whose pod 0 has these statuses, the next one after each log."""
    (tmp_path / "shop.py").write_text(
        "from loadcore import *\nshop = Scenario('shop', base_url='http://shop', load=users(2), steps=[get('/')])\n"
    )
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(
        statuses: list[dict[str, object] | None], *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "status").write_text(json.dumps(statuses))
        return subprocess.run(
            [sys.executable, "-m", "loadcore", "run", "shop.py", "--cluster", "k8s://load", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "LOADCORE_IMAGE": "loadcore:1",
                **variables,
            },
        )

    return run


def verbs_in(folder: Path) -> list[str]:
    """What kubectl was asked for."""
    return [json.loads(line)[2] for line in (folder / "calls").read_text().splitlines()]


@pytest.mark.parametrize("code", [0, 99, 111])
def test_the_exit_code_is_that_of_pod_0(run_with: Run, tmp_path: Path, code: int) -> None:
    """The manifest is applied, the report is followed, the verdict is taken, and what was made is deleted."""
    done = run_with([RUNNING, ended(code)], "--rate", "5/s", "--nodes", "3")
    assert (done.returncode, done.stdout) == (code, "the report of the run\n"), done.stderr
    assert "--rate 5/s" in (tmp_path / "manifest").read_text()
    assert "completions: 4" in (tmp_path / "manifest").read_text()
    assert verbs_in(tmp_path)[0] == "apply"
    assert verbs_in(tmp_path)[-1] == "delete"


def test_an_image_that_cannot_be_pulled_ends_at_once(run_with: Run) -> None:
    """The reason of Kubernetes is the error."""
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    done = run_with([{"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}])
    assert done.returncode == 1
    assert done.stderr.startswith("error: pod 0 does not start: ImagePullBackOff: no such image")


def test_a_log_that_breaks_off_is_followed_again(run_with: Run, tmp_path: Path) -> None:
    """The pod still runs: nothing is deleted under it, and its verdict is waited for."""
    done = run_with([RUNNING, RUNNING, ended(99)])
    assert done.returncode == 99, done.stderr
    assert verbs_in(tmp_path).count("logs") == 2
    assert "--since-time" in (tmp_path / "calls").read_text()


def test_a_pod_that_was_killed_says_why(run_with: Run) -> None:
    """Its exit code is that of the signal."""
    done = run_with([RUNNING, ended(137, "OOMKilled")])
    assert done.returncode == 137
    assert "pod 0 was ended by signal 9: OOMKilled" in done.stderr


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (None, "pod 0 was deleted before its exit code was known"),
        ({"phase": "Failed", "message": "the node was low on memory"}, "pod 0 has failed: the node was low on memory"),
    ],
)
def test_a_pod_without_a_verdict_is_an_error(run_with: Run, status: dict[str, object] | None, why: str) -> None:
    """Deleted, or evicted: the exit code is not one of a run, and the error has the reason."""
    done = run_with([RUNNING, status])
    assert done.returncode == 1
    assert f"error: {why}" in done.stderr


@pytest.mark.parametrize("refused", ["apply", "delete"])
def test_what_kubernetes_refuses(run_with: Run, tmp_path: Path, refused: str) -> None:
    """Whatever was made is deleted; if it cannot be, a note says so, and the verdict stays."""
    (tmp_path / "refuses").write_text(refused)
    done = run_with([RUNNING, ended(0)])
    assert done.returncode == (1 if refused == "apply" else 0)
    assert f"kubectl {refused} failed: the namespace is full" in done.stderr
    assert verbs_in(tmp_path)[-1] == "delete"


def test_settings_reach_the_run(run_with: Run, tmp_path: Path) -> None:
    """Those of variables as well; a file of settings that stays here is named."""
    (tmp_path / "loadcore.toml").write_text("seed = 3\n")
    done = run_with([RUNNING, ended(0)], "--users", "3", LOADCORE_THRESHOLD="response.p95 < 1s", LOADCORE_DURATION="9s")
    manifest = (tmp_path / "manifest").read_text()
    assert "--users 3" in manifest
    assert "--duration 9s" in manifest
    assert "--threshold 'response.p95 < 1s'" in " ".join(manifest.split()).replace("\\ ", "").replace("''", "'")
    assert "loadcore.toml is not read in pods" in done.stderr


def test_secrets_and_a_claim(run_with: Run, tmp_path: Path) -> None:
    """What keys the pods have, and where the run folder stays: then files may be written beside it."""
    run_with([RUNNING, ended(0)], "--secret", "shop-keys", "--claim", "runs", "--html", "page.html")
    manifest = (tmp_path / "manifest").read_text()
    assert "name: shop-keys" in manifest
    assert "claimName: runs" in manifest
    assert "--html page.html" in manifest
    assert "--secret" not in manifest


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (("--out", "here"), "--out: with k8s:// it would be written in a pod, and deleted with it"),
        (("--html", "page.html"), "--html: with k8s:// it would be written in a pod, and deleted with it"),
        (("--ui",), "--ui is for runs of this machine"),
    ],
)
def test_what_cannot_be_done_in_a_pod(run_with: Run, tmp_path: Path, option: tuple[str, ...], why: str) -> None:
    """Refused before anything is applied."""
    done = run_with([RUNNING, ended(0)], *option)
    assert done.returncode == 2
    assert why in done.stderr
    assert not (tmp_path / "calls").exists()
