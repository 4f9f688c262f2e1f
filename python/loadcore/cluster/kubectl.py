"""A run on Kubernetes from here: apply its manifest, follow pod 0, take its exit code, clean up."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import ExitCode, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.cluster.kubernetes import Job

LOOK_EVERY_S: Final = 2.0
START_WITHIN_S: Final = 600.0
_WAITING_FOR_EVER: Final = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"}


def run_on_kubernetes(job: Job, say: Callable[[str], None]) -> int:
    """Run a job to its end. Gives the exit code of pod 0, which is the verdict.

    Raises:
        UsageError: kubectl is not installed, or what it is given makes no sense.
        RunError: The cluster refuses, or the pods do not start.
    """
    from loadcore.cluster.kubernetes import rendered  # noqa: PLC0415 - an extra

    if shutil.which("kubectl") is None:
        raise UsageError(
            "k8s:// needs kubectl, which is not installed", hint="or apply `loadcore cluster manifest` elsewhere"
        )
    manifest = rendered(job)
    _kubectl(job, ["apply", "-f", "-"], manifest)
    try:
        pod = _wait_for_pod(job, say)
        subprocess.run(
            ["kubectl", "--namespace", job.namespace, "logs", "--follow", f"pod/{pod}"],  # noqa: S607
            check=False,
        )
        return _exit_code(job)
    finally:
        # What was made here and not by others: named, not by label.
        _kubectl(job, ["delete", "--ignore-not-found", "--wait=false", "-f", "-"], manifest)


def _wait_for_pod(job: Job, say: Callable[[str], None]) -> str:
    """The name of pod 0 once it runs, or has ended."""
    deadline = time.monotonic() + START_WITHIN_S
    told: str | None = None
    while time.monotonic() < deadline:
        pod = _pod_0(job)
        status = pod.get("status", {}) if pod else {}
        if status.get("phase") in {"Running", "Succeeded", "Failed"}:
            return str(pod["metadata"]["name"])
        why = _why_waiting(status)
        if why and why[0] in _WAITING_FOR_EVER:
            raise RunError(f"pod 0 does not start: {why[0]}: {why[1]}")
        if why and why[0] != told:
            told = why[0]
            say(f"waiting for pod 0: {why[0]}")
        time.sleep(LOOK_EVERY_S)
    raise RunError(f"pod 0 did not start within {START_WITHIN_S:g} s", hint=f"kubectl -n {job.namespace} get pods")


def _why_waiting(status: dict[str, Any]) -> tuple[str, str] | None:
    for container in status.get("containerStatuses", ()):
        if waiting := container.get("state", {}).get("waiting"):
            return waiting.get("reason", ""), waiting.get("message", "")
    for condition in status.get("conditions", ()):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return condition.get("reason", ""), condition.get("message", "")
    return None


def _exit_code(job: Job) -> int:
    """The exit code of pod 0's container."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for container in (_pod_0(job) or {}).get("status", {}).get("containerStatuses", ()):
            if (ended := container.get("state", {}).get("terminated")) is not None:
                return int(ended["exitCode"])
        time.sleep(LOOK_EVERY_S)
    return int(ExitCode.BUG)


def _pod_0(job: Job) -> Any:  # noqa: ANN401 - JSON
    selector = f"batch.kubernetes.io/job-name={job.name},batch.kubernetes.io/job-completion-index=0"
    found = json.loads(_kubectl(job, ["get", "pods", "--selector", selector, "--output", "json"]))["items"]
    return found[0] if found else None


def _kubectl(job: Job, arguments: list[str], given: str | None = None) -> str:
    done = subprocess.run(
        ["kubectl", "--namespace", job.namespace, *arguments],  # noqa: S607
        input=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RunError(f"kubectl {arguments[0]} failed: {said}")
    return done.stdout
