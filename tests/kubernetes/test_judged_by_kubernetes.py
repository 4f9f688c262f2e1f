"""What Kubernetes' own code says of a manifest: `make kubernetes`. `main.go` beside this file is the judge."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loadcore.cluster.kubernetes import NODE_FAILED, Job, rendered

pytestmark = pytest.mark.kubernetes
FOLDER = Path(__file__).parent
COMPILE_S = 3600
PASSED, FAILED = "Complete", "Failed"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    program = tmp_path_factory.mktemp("kubernetes") / "judge"
    subprocess.run(["go", "build", "-o", program, "."], cwd=FOLDER, check=True, timeout=COMPILE_S)
    return program


def judged(judge: Path, manifest: str) -> dict[str, Any]:
    """What it says."""
    done = subprocess.run([judge], input=manifest, stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A manifest with everything that can be in one."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text("import helper\n")
    (folder / "helper.py").write_text("")
    (folder / "people.csv").write_text("person\nann\n")
    arguments = ("--rate", "5/s")
    return rendered(
        Job(
            "shop", "load", "registry.example/loadcore:1", 3, "2", "2Gi", folder / "shop.py", arguments,
            secrets=("keys",), claim="runs", shipped=(folder / "people.csv",),
        )
    )  # fmt: skip


@pytest.mark.timeout(COMPILE_S)
def test_kubernetes_takes_it(judge: Path, manifest: str) -> None:
    """Decoded strictly, valid, without a warning, within the standard `restricted`; what decides keeps its value."""
    found = judged(judge, manifest)
    assert found["problems"] == []
    job = found["job"]
    assert job["backoffLimitPerIndex"] == 0
    assert job["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)
    assert job["podReplacementPolicy"] == "Failed"
    assert job["template"]["spec"]["automountServiceAccountToken"] is False


@pytest.mark.timeout(COMPILE_S)
def test_the_end_of_pod_0_is_that_of_the_job(judge: Path, manifest: str) -> None:
    """As the Job controller has it, whatever nodes end with that end as they may; and no pod is ever started again."""
    found = judged(judge, manifest)["cases"]
    assert {name: case["condition"] for name, case in found.items()} == {
        "the run passed": PASSED,
        "a threshold was crossed": FAILED,
        "the run is invalid": FAILED,
        "a node was killed, then pass": PASSED,
        "a node was killed, then fail": FAILED,
        "a node failed, then pass": PASSED,
        "nodes end with a pass": PASSED,
        "pod 0 was killed, nodes end": FAILED,
        # Why no node ends with the exit code of a verdict.
        "a node ends with 1, then pass": FAILED,
    }
    assert {case["pods"] for case in found.values()} == {4}
    assert f"exit {NODE_FAILED}" in manifest


@pytest.mark.timeout(COMPILE_S)
@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        ("runAsNonRoot: true", "runAsNonRoot: false", "restricted: runAsNonRoot != true"),
        ("backoffLimitPerIndex: 0", "backoffLimitPerIndx: 0", 'unknown field "spec.backoffLimitPerIndx"'),
        ("completionMode: Indexed", "completionMode: NonIndexed", "successPolicy"),
    ],
)
def test_what_is_wrong_is_found(judge: Path, manifest: str, was: str, becomes: str, why: str) -> None:
    """The judge refuses what a cluster would refuse."""
    assert was in manifest
    assert any(why in problem for problem in judged(judge, manifest.replace(was, becomes))["problems"])
