"""A run as a Kubernetes manifest: one Indexed Job, no operator, no custom resource.

The pod of index 0 runs the scheduler and the driver; the others are nodes. Kubernetes places them and does nothing
else: no pod is started again, pods get no token for its API, and the exit code of pod 0 is the verdict.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.cluster import certificates
from loadcore.cluster.bundle import local_imports
from loadcore.errors import ExitCode, UsageError
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT: Final = 8786
USER: Final = 10001
MOST_BYTES: Final = 900_000
"""A ConfigMap holds 1 MiB."""
CERTIFICATE_DAYS: Final = 7
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")
NODE_FAILED: Final = 100
"""What a node ends with that does not end well. Were it a verdict, Kubernetes would take it for that of pod 0."""
_VERDICTS: Final = sorted(int(code) for code in ExitCode if code not in {0, ExitCode.INTERRUPTED, ExitCode.TERMINATED})

_START: Final = """\
set -eu
if [ "$JOB_COMPLETION_INDEX" = 0 ]; then
  loadcore cluster scheduler --listen "$POD_IP" --port {port} --certs /certs &
  cd /work
  exec loadcore run "/scenario/{scenario}" --cluster "tls://$POD_IP:{port}" --certs /certs --nodes {nodes} \
--nodes-within 10m {arguments}
fi
trap 'exit {node_failed}' TERM
loadcore cluster worker "tls://{name}-0.{name}:{port}" --own-address "$POD_IP" --certs /certs &
wait "$!" || exit {node_failed}
"""


@dataclass(frozen=True)
class Job:
    """A run on Kubernetes."""

    name: str
    namespace: str
    image: str
    nodes: int
    cpu: str
    memory: str
    scenario: Path
    arguments: tuple[str, ...] = ()
    """Of `loadcore run`."""
    secrets: tuple[str, ...] = ()
    claim: str | None = None
    shipped: tuple[Path, ...] = ()

    def problems(self) -> list[str]:
        """What cannot be rendered."""
        found = [
            f'{what} "{value}" is not a name that Kubernetes takes: write small letters, digits and -'
            for what, value in (("--name", self.name), ("--namespace", self.namespace))
            if not _NAME.fullmatch(value)
        ]
        file = _file_of(self.scenario)
        found += [f"{path} does not exist" for path in (file, *self.shipped) if not path.is_file()]
        names = [path.name for path in self.shipped]
        return found + [f"--ship has two files named {name}" for name in sorted(set(names)) if names.count(name) > 1]


def rendered(job: Job) -> str:
    """The manifest as YAML.

    Raises:
        UsageError: With everything that is wrong.
    """
    from loadcore.cluster.installed import require_extra  # noqa: PLC0415

    require_extra()
    import yaml  # noqa: PLC0415 - comes with Dask

    return str(yaml.safe_dump_all(objects(job), sort_keys=False, width=120))


def objects(job: Job) -> list[dict[str, Any]]:
    """The manifest's objects, in the order in which they are needed. Errors as of `rendered`."""
    if problems := job.problems():
        raise UsageError("\n".join(problems))
    return [_files(job), _certificates(job), _service(job), _network(job), _job(job)]


def _labels(job: Job) -> dict[str, str]:
    return {"app.kubernetes.io/name": "loadcore", "app.kubernetes.io/instance": job.name}


def _about(job: Job, name: str | None = None) -> dict[str, Any]:
    return {"name": name or job.name, "namespace": job.namespace, "labels": _labels(job)}


def _file_of(scenario: Path) -> Path:
    """The file of `FILE.py:NAME`."""
    return scenario if scenario.is_file() else Path(str(scenario).partition(":")[0])


def _files(job: Job) -> dict[str, Any]:
    """The scenario, what it imports from beside it, and its data. Keys of a ConfigMap have no slashes."""
    file = _file_of(job.scenario).absolute()
    found = sorted(local_imports(file, file.parent))
    nested = [str(path.relative_to(file.parent)) for path in found if path.parent != file.parent]
    if nested:
        raise UsageError(
            f"the scenario imports {nested[0]}: a ConfigMap has no folders",
            hint="build an image with your package, or run with --cluster, which ships folders",
        )
    with refusing("cannot read what the nodes need"):
        data = {path.name: path.read_text("utf-8") for path in [*found, *job.shipped]}
    if (size := sum(map(len, data.values()))) > MOST_BYTES:
        raise UsageError(
            f"the scenario and its files have {size:,} bytes; a ConfigMap takes {MOST_BYTES:,}",
            hint="put large data files into the image",
        )
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _about(job, f"{job.name}-files"), "data": data}


def _certificates(job: Job) -> dict[str, Any]:
    """Certificates of this run alone."""
    with tempfile.TemporaryDirectory() as folder:
        certificates.make(Path(folder) / "certs", CERTIFICATE_DAYS)
        made = sorted((Path(folder) / "certs").iterdir())
        data = {path.name: path.read_text("ascii") for path in made if path.name != "ca.key"}
    about = _about(job, f"{job.name}-certs")
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": "Opaque", "stringData": data}


def _service(job: Job) -> dict[str, Any]:
    """Gives pod 0 a name."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _labels(job),
        "ports": [{"name": "scheduler", "port": PORT}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": _about(job), "spec": spec}


def _network(job: Job) -> dict[str, Any]:
    """Only pods of this run reach its pods."""
    own = {"podSelector": {"matchLabels": _labels(job)}}
    spec = {**own, "policyTypes": ["Ingress"], "ingress": [{"from": [own]}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _about(job), "spec": spec}


def _job(job: Job) -> dict[str, Any]:
    spec = {
        "completionMode": "Indexed",
        "completions": job.nodes + 1,
        "parallelism": job.nodes + 1,
        # A pod is never started again. A node that fails does not end the run, which decides that itself; the verdict
        # of pod 0 ends the job.
        "backoffLimitPerIndex": 0,
        "podReplacementPolicy": "Failed",
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]},
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": "loadcore", "operator": "In", "values": _VERDICTS},
                }
            ]
        },
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": {"labels": _labels(job)}, "spec": _pod(job)},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _about(job), "spec": spec}


def _pod(job: Job) -> dict[str, Any]:
    rows = {"persistentVolumeClaim": {"claimName": job.claim}} if job.claim else {"emptyDir": {}}
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "subdomain": job.name,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _labels(job)},
            }
        ],
        "containers": [_container(job)],
        "volumes": [
            {"name": "scenario", "configMap": {"name": f"{job.name}-files"}},
            {"name": "certs", "secret": {"secretName": f"{job.name}-certs", "defaultMode": 0o440}},
            {"name": "work", **rows},
            {"name": "cache", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(job: Job) -> dict[str, Any]:
    named = job.scenario if job.scenario.is_file() else Path(str(job.scenario))
    start = _START.format(
        port=PORT,
        scenario=named.name,
        nodes=job.nodes,
        name=job.name,
        node_failed=NODE_FAILED,
        arguments=_quoted([*(f"--ship=/scenario/{path.name}" for path in job.shipped), *job.arguments]),
    )
    limits = {"cpu": job.cpu, "memory": job.memory}
    mounts = {"scenario": "/scenario", "certs": "/certs", "work": "/work", "cache": "/cache", "tmp": "/tmp"}  # noqa: S108
    return {
        "name": "loadcore",
        "image": job.image,
        "command": ["/bin/sh", "-c", start],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "LOADCORE_CACHE", "value": "/cache"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 - a volume of the pod
        ],
        "envFrom": [{"secretRef": {"name": name}} for name in job.secrets],
        "resources": {"requests": limits, "limits": limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": path, **({"readOnly": True} if name in {"scenario", "certs"} else {})}
            for name, path in mounts.items()
        ],
    }


def _quoted(arguments: Sequence[str]) -> str:
    import shlex  # noqa: PLC0415 - used here only

    return shlex.join(arguments)
