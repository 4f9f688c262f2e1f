"""Which services of the topology a stack has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadcore_target.deploy.autoscale import Scaling
from loadcore_target.deploy.packages import MissingError, missing
from loadcore_target.deploy.topology import Service, read


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for.

    Attributes:
        folder: Where everything is kept; must exist.
        port: Where clients send their requests; 0 for a free one.
        replicas: How many there are at first.
        proxy: `haproxy`, `nginx`, or empty for a single replica without one.
        redis: Whether the replicas share a Redis.
        postgres: Whether they share a PostgreSQL; otherwise a SQLite file.
        monitoring: Whether there is a Prometheus.
        scaling: Whether and how replicas are added and taken away.
        gateway: Further arguments of each replica.
    """

    folder: Path
    port: int = 0
    replicas: int = 1
    proxy: str = ""
    redis: bool = False
    postgres: bool = False
    monitoring: bool = False
    scaling: Scaling | None = None
    gateway: Sequence[str] = ()

    def services(self) -> dict[str, Service]:
        """The chosen services by name, in the order in which they start.

        Raises:
            MissingError: Some are not installed; the message has a line for each.
        """
        wanted = {"stub", "gateway", self.proxy}
        chosen = {"redis": self.redis, "postgres": self.postgres, "prometheus": self.monitoring}
        wanted |= {name for name, is_chosen in chosen.items() if is_chosen}
        services = {name: service for name, service in read().items() if name in wanted}
        lines = missing(services.values())
        if lines:
            raise MissingError("\n".join(lines))
        return services
