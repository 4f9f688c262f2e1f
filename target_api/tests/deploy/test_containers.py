"""The compose file and the Kubernetes manifests describe what `topology.toml` does, and so what runs as processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from loadcore_target.deploy.launching import Site
from loadcore_target.deploy.packages import find
from loadcore_target.deploy.topology import FOLDER, Service, fill_all, fill_environment, read

TOPOLOGY = read()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted((FOLDER / "k8s").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
IN_CONTAINERS = pytest.mark.parametrize("service", TOPOLOGY.values(), ids=list(TOPOLOGY))
_BY_NAME = {"stub", "postgres", "redis", "gateway"}
ON_KUBERNETES = pytest.mark.parametrize("service", [TOPOLOGY[name] for name in sorted(_BY_NAME)], ids=sorted(_BY_NAME))

_SCALED_OBJECT = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "required": ["scaleTargetRef", "triggers"],
            "additionalProperties": False,
            "properties": {
                "scaleTargetRef": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {key: {"type": "string"} for key in ("apiVersion", "kind", "name")},
                },
                **{
                    key: {"type": "integer", "minimum": 0}
                    for key in ("pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount")
                },
                "minReplicaCount": {"type": "integer", "minimum": 0},
                "maxReplicaCount": {"type": "integer", "minimum": 1},
                "fallback": {"type": "object", "required": ["failureThreshold", "replicas"]},
                "advanced": {"type": "object"},
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["type", "metadata"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"const": "prometheus"},
                            "name": {"type": "string"},
                            "metricType": {"enum": ["AverageValue", "Value"]},
                            "metadata": {
                                "type": "object",
                                "required": ["serverAddress", "query", "threshold"],
                                "additionalProperties": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What KEDA's reference says of a ScaledObject, as far as this one uses it: no package has its schema."""


def values_of(service: Service) -> dict[str, str]:
    """What fills the `{…}` of a service in a container: others are found by their names."""
    return {
        **{other.name: f"{other.name}:{other.port}" for other in TOPOLOGY.values()},
        "host": "0.0.0.0",
        "port": str(service.port),
        "metrics_port": str(service.metrics_port),
        "config": service.config,
        "data": service.data,
    }


def arguments_of(service: Service) -> list[str]:
    """The arguments of a service in a container."""
    return fill_all(service.arguments, values_of(service))


def without_program(command: list[str], service: Service) -> list[str]:
    """A container's command, whose image may already begin with the program."""
    return command[1:] if command[0] == service.program else command


def manifest(kind: str, name: str) -> dict[str, Any]:
    """The manifest of that kind and name."""
    return next(each for each in MANIFESTS if each["kind"] == kind and each["metadata"]["name"] == name)


@IN_CONTAINERS
def test_compose_runs_the_same_command(service: Service) -> None:
    """Image, arguments and variables are those of the topology; arguments beyond them keep nginx in the foreground."""
    described = COMPOSE["services"][service.name]
    assert described["image"] == service.image
    command = without_program(described["command"], service)
    expected = arguments_of(service)
    assert command[: len(expected)] == expected
    assert command[len(expected) :] in ([], ["-g", "daemon off;"])
    environment = described.get("environment", {})
    filled = fill_environment(service, values_of(service))
    assert {name: environment.get(name) for name in filled} == filled


@IN_CONTAINERS
def test_compose_waits_for_the_same_services(service: Service) -> None:
    """What the topology needs must be healthy before, and so has a health check."""
    described = COMPOSE["services"][service.name]
    assert described.get("depends_on", {}) == {name: {"condition": "service_healthy"} for name in service.needs}
    assert all("healthcheck" in COMPOSE["services"][name] for name in service.needs)
    assert described.get("deploy", {}).get("replicas", 1) == service.replicas


@pytest.mark.parametrize("name", ["stub", "gateway", "postgres"])
def test_health_checks_ask_what_readiness_asks(name: str) -> None:
    """The container's check asks the same path, or runs the same command, as the local start does."""
    service = TOPOLOGY[name]
    check = " ".join(COMPOSE["services"][name]["healthcheck"]["test"])
    values = {**values_of(service), "host": "127.0.0.1"}
    if isinstance(service.ready, str):
        assert f"http://127.0.0.1:{service.port}{service.ready}'" in check
    else:
        assert check == " ".join(["CMD", *fill_all(service.ready, values)])


def test_every_mounted_file_is_there() -> None:
    """Each service gets the files of this folder, among them its own configuration where the command looks for it."""
    targets: dict[str, list[str]] = {}
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            source, target, mode = volume.split(":")
            assert (FOLDER / source).exists(), source
            assert mode == "ro"
            targets.setdefault(name, []).append(target)
    for name in ("haproxy", "prometheus"):
        configuration = next(each for each in arguments_of(TOPOLOGY[name]) if TOPOLOGY[name].config in each)
        assert configuration.removeprefix("--config.file=") in targets[name]


def test_replicas_have_no_port_of_the_host() -> None:
    """Three containers cannot share one, and only what people open is published, on loopback."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(published) == {"haproxy", "nginx", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


@ON_KUBERNETES
def test_kubernetes_runs_the_same(service: Service) -> None:
    """Image, arguments, variables, port and readiness of each Deployment are the topology's; a Service names it."""
    deployment = manifest("Deployment", service.name)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == service.image
    assert without_program(container["args"], service) == arguments_of(service)
    given = {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
    filled = fill_environment(service, values_of(service))
    assert {name: given.get(name) for name in filled} == filled
    assert [port["containerPort"] for port in container["ports"]] == [service.port]
    if isinstance(service.ready, str) and service.ready != "tcp":
        assert container["readinessProbe"]["httpGet"]["path"] == service.ready
    assert deployment["spec"]["replicas"] == service.replicas
    [port] = manifest("Service", service.name)["spec"]["ports"]
    assert port["port"] == service.port


def test_both_scalers_scale_the_gateway() -> None:
    """They have the same bounds, and name the Deployment that there is."""
    hpa, keda = manifest("HorizontalPodAutoscaler", "gateway")["spec"], manifest("ScaledObject", "gateway")["spec"]
    assert hpa["scaleTargetRef"]["name"] == keda["scaleTargetRef"]["name"] == "gateway"
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (keda["minReplicaCount"], keda["maxReplicaCount"]) == (1, 4)


def test_stops_wait_for_the_drain() -> None:
    """The grace of a container is longer than the drain delay and the requests in flight together."""
    drain = float(TOPOLOGY["gateway"].environment["GATEWAY_DRAIN_DELAY_S"])
    grace = COMPOSE["services"]["gateway"]["stop_grace_period"]
    pod = manifest("Deployment", "gateway")["spec"]["template"]["spec"]
    assert float(grace.removesuffix("s")) >= drain + 25
    assert pod["terminationGracePeriodSeconds"] >= drain + 25


@IN_CONTAINERS
def test_local_processes_run_the_same(service: Service, tmp_path: Path) -> None:
    """A local process has the container's arguments, with loopback's addresses in them, and only its own after them."""
    site = Site.choose(tmp_path, TOPOLOGY, "haproxy", 0)
    launch = site.replica(1, 1, tmp_path, ([], {})) if service.name == "gateway" else site.launch(service.name)
    assert launch.command[0] in {find(service.program), service.program}
    assert len(launch.command) >= 1 + len(service.arguments) + len(service.local)
    fixed = [each for each in service.arguments if "{" not in each]
    assert [each for each in launch.command[1 : 1 + len(service.arguments)] if each in fixed] == fixed
    if service.name == "gateway":
        assert set(fill_environment(service, values_of(service))) <= set(launch.environment)


def test_compose_file_is_valid() -> None:
    """It follows the published schema of compose files."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, FOLDER / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_manifests_are_valid() -> None:
    """They follow the published schemas of Kubernetes, without unknown fields; KEDA's own kind is not among them."""
    own = [document for document in MANIFESTS if not document["apiVersion"].startswith("keda.sh")]
    assert {document["kind"] for document in own} >= {"Deployment", "Service", "HorizontalPodAutoscaler"}
    for document in own:
        kubernetes_validate.validate(json.loads(json.dumps(document)), "1.37", strict=True)


def test_a_misspelt_manifest_is_not_valid() -> None:
    """The schemas are really applied: a field that does not exist, and one that is missing, are found."""
    misspelt, short = (json.loads(json.dumps(manifest("HorizontalPodAutoscaler", "gateway"))) for _ in range(2))
    misspelt["spec"]["maxReplica"] = 4
    del short["spec"]["maxReplicas"]
    for wrong in (misspelt, short):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_the_scaled_object_is_valid() -> None:
    """KEDA's kind has the fields that its reference lists, its trigger what Prometheus needs, its numbers in order."""
    document = manifest("ScaledObject", "gateway")
    jsonschema.validate(document, _SCALED_OBJECT)
    spec = document["spec"]
    assert spec["minReplicaCount"] <= spec["maxReplicaCount"]
    wrong: list[dict[str, Any]] = [
        {"maxReplicas": 4},
        {"triggers": []},
        {"triggers": [{"type": "cpu", "metadata": {}}]},
    ]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "spec": {**spec, **change}}, _SCALED_OBJECT)


@pytest.mark.parametrize("resolver", [False, True], ids=["local", "container"])
def test_haproxy_accepts_its_configuration(resolver: bool, tmp_path: Path) -> None:
    """Both with slots for local replicas and with replicas found by name."""
    program = find("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    variables = {"HAPROXY_LISTEN": "127.0.0.1:1", "HAPROXY_METRICS": "127.0.0.1:2", "HAPROXY_SOCKET": f"{tmp_path}/s"}
    variables |= {"HAPROXY_RESOLVER": "127.0.0.11:53"} if resolver else {}
    command = [program, "-c", "-f", str(FOLDER / "haproxy.cfg")]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.parametrize("command", [["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]])
def test_prometheus_accepts_configuration_and_rules(command: list[str]) -> None:
    """The configuration and the rules are valid, and the rules fire when they should and not before."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([program, *command], cwd=FOLDER / "prometheus", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
