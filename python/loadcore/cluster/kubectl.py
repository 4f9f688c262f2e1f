"""A run on Kubernetes from here: apply its manifest, follow pod 0, take its exit code, clean up."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadcore.cluster.kubernetes import Job

LOOK_EVERY_S: Final = 1.0
START_WITHIN_S: Final = 600.0
ANSWER_WITHIN_S: Final = 120.0
ENDED_WITHIN_S: Final = 5.0
"""How long after the end of its log a pod may still seem to run."""
SIGNALS: Final = 128
"""Exit codes above it are those of signals."""
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
    applied = False
    try:
        _kubectl(job, ["apply", "-f", "-"], manifest)
        applied = True
        return _follow(job, _wait_for_pod(job, say), say)
    finally:
        # Of what was refused, a part may be there; who cannot be reached for the one cannot be for the other.
        _delete(job, manifest, say if applied else lambda _text: None)


def _delete(job: Job, manifest: str, say: Callable[[str], None]) -> None:
    """Delete what was made here, and not by others: named, not by label. Should it fail, what went before counts."""
    try:
        _kubectl(job, ["delete", "--ignore-not-found", "--wait=false", "-f", "-"], manifest)
    except RunError as problem:
        say(f"objects named {job.name}… may be left in {job.namespace}: {problem}")


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


def _follow(job: Job, pod: str, say: Callable[[str], None]) -> int:
    """Print what pod 0 prints, until it has ended. Gives its exit code.

    What follows a log may end before the pod does: a connection breaks, an API server is replaced. It is begun again.
    """
    since: list[str] = []
    while True:
        words = ["kubectl", "--namespace", job.namespace, "logs", "--follow", *since, f"pod/{pod}"]
        subprocess.run(words, check=False)
        since = ["--since-time", datetime.now(UTC).isoformat(timespec="seconds")]
        deadline = time.monotonic() + ENDED_WITHIN_S
        while time.monotonic() < deadline:
            found = _pod_0(job)
            if found is None or found["metadata"]["name"] != pod:
                raise RunError(
                    f"pod 0 was deleted before its exit code was known: {pod}",
                    hint=f"kubectl -n {job.namespace} get events",
                )
            if (ended := _ended(found)) is not None:
                if (code := int(ended["exitCode"])) > SIGNALS:
                    say(f"pod 0 was ended by signal {code - SIGNALS}: {ended.get('reason') or 'no reason given'}")
                return code
            if found["status"].get("phase") == "Failed":  # Its node is gone, or wanted its room: no container says so.
                raise RunError(f"pod 0 has failed: {found['status'].get('message') or 'no reason given'}")
            time.sleep(LOOK_EVERY_S)


def _ended(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How the container of a pod ended; None while it runs."""
    for container in pod["status"].get("containerStatuses", ()):
        if (ended := container.get("state", {}).get("terminated")) is not None:
            return dict(ended)
    return None


def _pod_0(job: Job) -> Any:  # noqa: ANN401 - JSON
    selector = f"batch.kubernetes.io/job-name={job.name},batch.kubernetes.io/job-completion-index=0"
    found = json.loads(_kubectl(job, ["get", "pods", "--selector", selector, "--output", "json"]))["items"]
    return found[0] if found else None


def _kubectl(job: Job, arguments: list[str], given: str | None = None) -> str:
    words = ["kubectl", "--namespace", job.namespace, *arguments]
    try:
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=False, timeout=ANSWER_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise RunError(
            f"kubectl {arguments[0]} did not end within {ANSWER_WITHIN_S:g} s",
            hint="see whether the cluster answers: kubectl cluster-info",
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RunError(f"kubectl {arguments[0]} failed: {re.sub('^([Ee]rror: )+', '', said)}")
    return done.stdout
