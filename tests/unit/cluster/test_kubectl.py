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
    pod = {{"metadata": {{"name": "x-0-abc"}}, "status": json.loads((here / "status").read_text())}}
    print(json.dumps({{"items": [pod]}}))
if "logs" in arguments:
    print("the report of the run")
"""


@pytest.fixture
def run_with(tmp_path: Path) -> Run:
    """Runs `loadcore run` with a kubectl whose pod 0 has this status."""
    (tmp_path / "shop.py").write_text(
        "from loadcore import *\nshop = Scenario('shop', base_url='http://shop', load=users(2), steps=[get('/')])\n"
    )
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(status: dict[str, object], *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "status").write_text(json.dumps(status))
        return subprocess.run(
            [sys.executable, "-m", "loadcore", "run", "shop.py", "--cluster", "k8s://load", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LOADCORE_IMAGE": "loadcore:1"},
        )

    return run


@pytest.mark.parametrize("code", [0, 99, 111])
def test_the_exit_code_is_that_of_pod_0(run_with: Run, tmp_path: Path, code: int) -> None:
    """The manifest is applied, the report is followed, the verdict is taken, and what was made is deleted."""
    state = {"terminated": {"exitCode": code}}
    status = {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [{"state": state}]}
    done = run_with(status, "--rate", "5/s", "--nodes", "3")
    assert (done.returncode, done.stdout) == (code, "the report of the run\n"), done.stderr
    assert "--rate 5/s" in (tmp_path / "manifest").read_text()
    assert "completions: 4" in (tmp_path / "manifest").read_text()
    verbs = [json.loads(line)[2] for line in (tmp_path / "calls").read_text().splitlines()]
    assert verbs[0] == "apply"
    assert verbs[-1] == "delete"


def test_an_image_that_cannot_be_pulled_ends_at_once(run_with: Run) -> None:
    """The reason of Kubernetes is the error."""
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    done = run_with({"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]})
    assert done.returncode == 1
    assert done.stderr.startswith("error: pod 0 does not start: ImagePullBackOff: no such image")
