"""Reads `topology.toml`, and fills in the addresses of one deployment."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_NAME = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service, as `topology.toml` describes it.

    Attributes:
        name: Its name, by which others find it.
        summary: What it is for.
        program: What is executed.
        arguments: Of the program, the same in every deployment.
        image: Of its container.
        port: Where it listens in a container; a local process gets a free one.
        ready: An HTTP path that answers 200, a command that succeeds, or `tcp`.
        package: Debian's package of the program; empty for Python's own.
        local: Arguments of a process on loopback.
        needs: Services that must be ready before.
        environment: Variables; one that names a service that is left out is left out itself.
        config: Folder of its configuration in a container.
        data: Folder of its data in a container.
        metrics_port: Where it answers Prometheus and probes, if not at `port`.
        replicas: How many run.
    """

    name: str
    summary: str
    program: str
    arguments: tuple[str, ...]
    image: str
    port: int
    ready: str | tuple[str, ...]
    package: str = ""
    local: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    data: str = ""
    metrics_port: int = 0
    replicas: int = 1


def read() -> dict[str, Service]:
    """All services by name, each after those that it needs."""
    document = tomllib.loads((FOLDER / "topology.toml").read_text(encoding="utf-8"))
    services = {name: _service(name, table) for name, table in document.items()}
    known: set[str] = set()
    for service in services.values():
        if not known.issuperset(service.needs):
            raise ValueError(f"topology.toml: {service.name} is listed before the services it needs")
        known.add(service.name)
    return services


def _service(name: str, table: Mapping[str, Any]) -> Service:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Service(name=name, **values)


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """The text with each `{name}` replaced; `None` when it names something that is not there."""
    if not values.keys() >= set(_NAME.findall(text)):
        return None
    return _NAME.sub(lambda found: values[found.group(1)], text)


def fill_all(texts: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """Each of the strings, filled.

    Raises:
        KeyError: A string names something that does not exist.
    """
    return [_NAME.sub(lambda found: values[found.group(1)], text) for text in texts]


def fill_environment(service: Service, values: Mapping[str, str]) -> dict[str, str]:
    """The variables of a service, without those whose services are left out."""
    filled = {name: fill(text, values) for name, text in service.environment.items()}
    return {name: text for name, text in filled.items() if text is not None}
