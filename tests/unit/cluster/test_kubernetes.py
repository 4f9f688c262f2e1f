"""The manifest of a run on Kubernetes."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from loadcore.cluster.kubernetes import NODE_FAILED, Job, objects, rendered
from loadcore.errors import UsageError


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A run of a scenario with an import and a data file."""
    (tmp_path / "shop.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "people.csv").write_text("person\nann\n")
    return Job(
        name="shop",
        namespace="load",
        image="registry.example/loadcore:1",
        nodes=3,
        cpu="2",
        memory="2Gi",
        scenario=tmp_path / "shop.py",
        arguments=("--rate", "5/s; rm -rf /"),
        secrets=("shop-keys",),
        claim="runs",
        shipped=(tmp_path / "people.csv",),
    )


def of_kind(job: Job, kind: str) -> dict[str, Any]:
    """The object of a kind."""
    return next(each for each in objects(job) if each["kind"] == kind)


@pytest.mark.parametrize("version", ["1.31", "1.34"])
def test_every_object_is_what_kubernetes_takes(job: Job, version: str) -> None:
    """The schemas of Kubernetes hold, strictly, for what is printed."""
    for each in yaml.safe_load_all(rendered(job)):
        kubernetes_validate.validate(each, version, strict=True)


def test_the_pods_are_restricted(job: Job) -> None:
    """The pod security standard `restricted`, a read-only root, and no way to the API of Kubernetes."""
    pod = of_kind(job, "Job")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {each["kind"] for each in objects(job)}.isdisjoint({"Role", "RoleBinding", "ServiceAccount"})


def test_nothing_is_ever_started_again(job: Job) -> None:
    """No pod is replaced; the verdict is that of pod 0, whatever became of the nodes."""
    spec = of_kind(job, "Job")["spec"]
    assert spec["backoffLimitPerIndex"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["completions"] == spec["parallelism"] == 4
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert {99, 104, 107, 111, 113} <= set(rule["onExitCodes"]["values"])
    assert {137, 143, NODE_FAILED}.isdisjoint(rule["onExitCodes"]["values"])


def test_options_are_words_and_not_commands(job: Job) -> None:
    """An option is quoted for the shell."""
    (container,) = of_kind(job, "Job")["spec"]["template"]["spec"]["containers"]
    assert "'5/s; rm -rf /'" in container["command"][2]


def test_files_and_certificates(job: Job) -> None:
    """The scenario, its import and its data; certificates without the authority's key."""
    assert set(of_kind(job, "ConfigMap")["data"]) == {"shop.py", "helper.py", "people.csv"}
    assert set(of_kind(job, "Secret")["stringData"]) == {
        "ca.pem",
        *(f"{role}.{end}" for role in ("scheduler", "node", "driver") for end in ("pem", "key")),
    }


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Names that Kubernetes refuses and files that are not there, in one message."""
    job = Job("Shop_1", "load", "x", 1, "1", "1Gi", tmp_path / "gone.py")
    with pytest.raises(UsageError) as raised:
        objects(job)
    assert "Shop_1" in str(raised.value)
    assert "gone.py does not exist" in str(raised.value)
