"""One server, seen by several clients one after another, and by itself: what each reports beside what was true."""

from __future__ import annotations

import math
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches import processes
from benches.targets.target import Target
from benches.tools import MissingToolError
from loadcore_target.app import LOADED, PROBES
from loadcore_target.benches.client_programs import TOOLS, Job, Seen, Tool
from loadcore_target.benches.deployed import gateway
from loadcore_target.benches.journeys import LOGIN
from loadcore_target.route_table import RouteTable
from loadcore_target.settings import Settings
from loadcore_target.shared.request_log import LoggedRequest, RequestLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadcore_target.benches.deployed import Deployed

UPSTREAM_MS = 100
_PROXIED = "GET /proxy/{service}/{path}"
_LOG_ROWS = int(Settings.model_fields["request_log"].default)


@dataclass(frozen=True)
class Sight:
    """What one client reported, beside the truth.

    Attributes:
        client: Its name.
        users: How many it was asked for.
        reported: What it says.
        true: What the gateway's log of requests says of the same ones.
        logins: Token calls that the gateway received.
        client_cpu_s: CPU of the client's processes, their start included.
        wall_s: From its start to its end.
        foreign_cores: CPU that neither the client nor the target used.
        ramp_s: Seconds within which the users came.
        steady_s: Seconds after that.
    """

    client: str
    users: int
    reported: Seen
    true: Seen
    logins: int
    client_cpu_s: float
    wall_s: float
    foreign_cores: float
    ramp_s: int
    steady_s: int

    def row(self) -> dict[str, Any]:
        """As it is kept: flat."""
        kept = asdict(self)
        reported, true = kept.pop("reported"), kept.pop("true")
        return {
            **kept,
            **{f"reported_{name}": value for name, value in reported.items()},
            **{f"true_{name}": value for name, value in true.items()},
        }


def measure(counts: Sequence[int], ramp_s: int, steady_s: int) -> Iterator[Sight]:
    """Lets every tool send the journey to one gateway, one after another; one that is missing or fails is named."""
    with _gateway() as (running, target):
        for users in counts:
            for tool in TOOLS:
                job = Job(running.url, users, ramp_s, steady_s)
                try:
                    yield _sight(tool, job, running, target)
                except (MissingToolError, LookupError, ValueError) as error:
                    print(f"left out: {tool.name}: {error!r}", file=sys.stderr)


def logged(running: Deployed, since: float = 0.0) -> list[LoggedRequest]:
    """What a gateway has received since then and answered, by its own log.

    Args:
        running: The gateway.
        since: Unix time.

    Raises:
        ValueError: The log has not kept all of it, or there is nothing.
    """
    table = RouteTable(LOADED, PROBES)
    log = RequestLog(running.folder / "data" / "shared" / "requests.page", _LOG_ROWS, table.labels)
    rows = [row for row in log.read() if row.received_at >= since and row.duration_s is not None]
    log.close()
    if not 1 < len(rows) < _LOG_ROWS:
        raise ValueError(f"{len(rows)} requests in the gateway's log, which keeps {_LOG_ROWS}")
    return rows


def nearest(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _seen(rows: Sequence[LoggedRequest]) -> Seen:
    times = [_ms(row) for row in rows]
    arrivals = [row.received_at for row in rows]
    return Seen(
        len(rows),
        sum(200 <= (row.status or 0) < 400 for row in rows) / len(rows),
        len(rows) / (max(arrivals) - min(arrivals)),
        sum(times) / len(times),
        nearest(times, 0.5),
        nearest(times, 0.95),
        nearest([_ms(row) for row in rows if row.route == _PROXIED], 0.5),
    )


def _ms(row: LoggedRequest) -> float:
    return (row.duration_s or 0.0) * 1e3


@contextmanager
def _gateway() -> Iterator[tuple[Deployed, Target]]:
    """One gateway with one worker and its own upstream, for as long as the block runs."""
    with gateway("--stub", f"{UPSTREAM_MS}ms") as running:
        yield running, Target("gateway", running.url, running.pid)


def _sight(tool: Tool, job: Job, running: Deployed, target: Target) -> Sight:
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as name:
        folder = Path(name)
        command = tool.command(job, folder)
        began = time.time()
        finished = processes.run(command, target, job.variables)
        reported = tool.read(finished, folder)
    rows = logged(running, began)
    served = [row for row in rows if row.route != LOGIN]
    return Sight(
        tool.name,
        job.users,
        reported,
        _seen(served),
        len(rows) - len(served),
        finished.cpu_s,
        finished.wall_s,
        finished.foreign_cores,
        job.ramp_s,
        job.steady_s,
    )
