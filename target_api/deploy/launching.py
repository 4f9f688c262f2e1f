"""How each service is started as a local process."""

import getpass
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadcore_target.deploy.balancers import SLOTS
from loadcore_target.deploy.packages import find
from loadcore_target.deploy.ports import HOST, free_ports
from loadcore_target.deploy.process import Launch
from loadcore_target.deploy.topology import FOLDER, Service, fill_all, fill_environment

# SIGTERM would let PostgreSQL wait for its clients.
_STOP_WITH = {"postgres": signal.SIGINT}


@dataclass(frozen=True, slots=True)
class Site:
    """Where the services of one stack run.

    Attributes:
        folder: Holds a folder and a log for each.
        services: Those that run.
        ports: Where each listens.
        metrics_ports: Where those answer that have a port for metrics of its own.
        slot_ports: Where each replica listens, by its slot.
    """

    folder: Path
    services: Mapping[str, Service]
    ports: dict[str, int] = field(default_factory=dict)
    metrics_ports: dict[str, int] = field(default_factory=dict)
    slot_ports: dict[int, int] = field(default_factory=dict)

    @classmethod
    def choose(cls, folder: Path, services: Mapping[str, Service], entry: str, port: int) -> "Site":
        """Free ports for all; the service `entry` gets `port`, unless that is 0."""
        free = free_ports(2 * len(services) + SLOTS)
        site = cls(folder, services)
        site.slot_ports.update({slot: free.pop() for slot in range(1, SLOTS + 1)})
        if entry == "gateway" and port:
            site.slot_ports[1] = port
        for service in services.values():
            own = site.slot_ports[1] if service.name == "gateway" else free.pop()
            site.ports[service.name] = port if port and service.name == entry else own
            site.metrics_ports[service.name] = free.pop() if service.metrics_port else site.ports[service.name]
        return site

    def place(self, name: str) -> Path:
        """The folder of a service, which is there afterwards."""
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def values(self, name: str, data: Path | None = None) -> dict[str, str]:
        """What fills the `{…}` of a service."""
        place = data or self.place(name)
        return {
            **{other: f"{HOST}:{port}" for other, port in self.ports.items() if other != name},
            "host": HOST,
            "port": str(self.ports[name]),
            "metrics_port": str(self.metrics_ports[name]),
            # HAProxy's file is used where it lies; the others' are written for this stack.
            "config": str(FOLDER if name == "haproxy" else place),
            "data": str(place),
            "user": getpass.getuser(),
        }

    def launch(self, name: str, data: Path | None = None, account: int | None = None) -> Launch:
        """How a service other than the gateway is started."""
        service = self.services[name]
        values = self.values(name, data)
        program = find(service.program) or service.program
        return Launch(
            name=name,
            command=[program, *fill_all((*service.arguments, *service.local), values)],
            ready=self._ready(service, values),
            port=self.metrics_ports[name],
            log=self.folder / f"{name}.log",
            environment=fill_environment(service, values) if name == "haproxy" else {},
            stop_with=_STOP_WITH.get(name, signal.SIGTERM),
            account=account,
            by_pipe=service.program == "python",
        )

    def replica(self, slot: int, port: int, data: Path, more: tuple[list[str], Mapping[str, str]]) -> Launch:
        """How a replica of the gateway is started.

        Args:
            slot: Its number, from 1.
            port: Where it listens.
            data: Its own folder.
            more: Further arguments and variables.
        """
        service = self.services["gateway"]
        values = {**self.values("gateway"), "port": str(port)}
        arguments, variables = more
        own = ["--data-dir", str(data), *arguments]
        environment = {
            # Without a PostgreSQL the replicas share a file.
            "GATEWAY_DATABASE_URL": f"sqlite:///{self.place('gateway') / 'shared.sqlite3'}",
            **fill_environment(service, values),
            "GATEWAY_REPLICA": f"gateway-{slot}",
            # The balancer is on this machine, and says who is connected to it.
            "GATEWAY_TRUSTED_PROXIES": HOST if {"haproxy", "nginx"} & set(self.services) else "",
            **variables,
        }
        program = find(service.program) or service.program
        return Launch(
            name=f"gateway-{slot}",
            command=[program, *fill_all((*service.arguments, *service.local), values), *own],
            ready=service.ready,
            port=port,
            log=self.folder / f"gateway-{slot}.log",
            environment=environment,
            by_pipe=True,
        )

    def _ready(self, service: Service, values: Mapping[str, str]) -> str | tuple[str, ...]:
        if isinstance(service.ready, str):
            return service.ready
        program, *arguments = fill_all(service.ready, values)
        return (find(program) or program, *arguments)
