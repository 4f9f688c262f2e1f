"""What a scheduler and a driver pay for many nodes: `python -m benches.many_nodes [--nodes N ...] [--seconds S]`.

Nodes are simulated: Dask workers, fifty in a process, each with its agent, which send a message of the size of a second
of ten steps at the same instant each second. Scheduler, link, leases, groups and the way of the messages are the real
ones. Each number of nodes is measured twice: reporting directly, and in groups with a leader each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benches import results
from benches.build import ROOT
from loadcore.cluster.dask_settings import ENVIRONMENT
from loadcore.cluster.dask_settings import scheduler as scheduler_command
from loadcore.cluster.policy import Policy
from tests.integration.clusters import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadcore.cluster.dask_link import DaskLink
    from loadcore.cluster.link import Link

MOST_CPU = 0.30
"""Of one core, by the scheduler, with the most nodes that report to it alone."""
MOST_RSS = 300 << 20
NODES = 200
IN_A_PROCESS = 50
MESSAGE_BYTES = 20_000
WITHIN_S = 120.0
JOIN_S = 0.2
"""What a node may take to join, of a core that it shares with all others."""
RENEW_EVERY_S = 1.0
SETTLE_S = 5.0
RUN = "bench"


@dataclass(frozen=True)
class Measured:
    """What was measured with a number of nodes."""

    nodes: int
    in_groups: bool
    scheduler_cpu: float
    scheduler_rss: int
    driver_cpu: float
    messages: int
    expected: int
    median_ms: float
    p95_ms: float
    renewals_ms: float
    """The median time of a round of renewals of all leases."""


async def simulate(address: str, nodes: int) -> None:
    """Some nodes in this process, for ever."""
    from distributed import Worker  # noqa: PLC0415 - of this process only

    from loadcore.cluster.dask_link import agent_of  # noqa: PLC0415 - the same

    kind: Any = Worker
    workers = [kind(address, nthreads=1, memory_limit=0, host="127.0.0.1", silence_logs=40) for _ in range(nodes)]
    await asyncio.gather(*workers)
    members = [(await agent_of(worker)).without_workers(RUN) for worker in workers]
    said = [(0, "report", os.urandom(MESSAGE_BYTES))]
    for sequence in count(1):
        await asyncio.sleep(1 - time.time() % 1)
        for member in members:
            member.say({"run": RUN, "sequence": sequence, "said": said, "sent_ns": time.monotonic_ns()})


@contextmanager
def cluster(nodes: int) -> Iterator[tuple[str, psutil.Process]]:
    """A scheduler with simulated nodes: its address and its process."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {**os.environ, **ENVIRONMENT, "LOADCORE_CACHE": folder}

        def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
            log = stack.enter_context((Path(folder) / f"{time.monotonic_ns()}.log").open("wb"))
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        port = free_port()
        scheduler = start(scheduler_command("127.0.0.1", port, None))
        address = f"tcp://127.0.0.1:{port}"
        environment["PYTHONPATH"] = str(ROOT)
        for first in range(0, nodes, IN_A_PROCESS):
            count = min(IN_A_PROCESS, nodes - first)
            start([sys.executable, "-m", "benches.many_nodes", "--simulate", str(count), "--address", address])
        yield address, psutil.Process(scheduler.pid)


def measure(nodes: int, seconds: float, *, in_groups: bool) -> Measured:
    """Listen to some nodes for some seconds, and renew their leases."""
    os.environ.update(ENVIRONMENT)
    from loadcore.cluster.dask_link import DaskLink  # noqa: PLC0415 - reads the settings
    from loadcore.cluster.tree import Tree  # noqa: PLC0415 - after them

    with cluster(nodes) as (address, scheduler):
        from loadcore.cluster.reach import wait_for_scheduler  # noqa: PLC0415 - see above

        wait_for_scheduler(address, None, WITHIN_S)
        dask = DaskLink(address)
        try:
            dask.install()  # Nodes that join later get an agent, too.
            _wait_for(dask, nodes)
            link = Tree(dask, RUN, dask.nodes(), Policy().group) if in_groups else dask
            came: list[tuple[int, float]] = []

            def heard(_node: str, said: dict[str, Any]) -> None:
                came.append((said["sent_ns"], (time.monotonic_ns() - said["sent_ns"]) / 1e6))

            link.listen(heard, lambda _node, _reason: None)
            time.sleep(SETTLE_S + nodes * JOIN_S / 10)
            addresses = link.nodes()
            driver = psutil.Process()
            before, began_ns = (_cpu(scheduler), _cpu(driver)), time.monotonic_ns()
            rounds = _renew(link, addresses, seconds)
            used, ended_ns = (_cpu(scheduler) - before[0], _cpu(driver) - before[1]), time.monotonic_ns()
            rss = scheduler.memory_info().rss
            time.sleep(SETTLE_S)  # What was sent at the end is still under way.
        finally:
            dask.close()
    delays = sorted(delay for sent_ns, delay in came if began_ns <= sent_ns < ended_ns)
    return Measured(
        nodes,
        in_groups,
        used[0] / seconds,
        rss,
        used[1] / seconds,
        len(delays),
        int(nodes * seconds),
        delays[len(delays) // 2] if delays else float("nan"),
        delays[int(len(delays) * 0.95)] if delays else float("nan"),
        sorted(rounds)[len(rounds) // 2],
    )


def _renew(link: Link, addresses: Sequence[str], seconds: float) -> list[float]:
    """Ask all nodes once a second, as leases are renewed; how long each round took, in ms."""
    took = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        asked = [link.call(address, "renew", 10.0, run=RUN, until_ns=None) for address in addresses]
        for answer in asked:
            answer.result(10.0)
        took.append((time.monotonic() - began) * 1e3)
        time.sleep(max(0.0, min(RENEW_EVERY_S - (time.monotonic() - began), end - time.monotonic())))
    return took


def _wait_for(link: DaskLink, nodes: int) -> None:
    """Wait until all have joined. A scheduler that hundreds join at once may not answer meanwhile."""
    deadline = time.monotonic() + WITHIN_S + nodes * JOIN_S
    there = 0
    while there < nodes:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{there} of {nodes} nodes have joined")
        time.sleep(0.5)
        with suppress(TimeoutError):
            there = len(link.nodes())


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def page(found: Sequence[Measured]) -> str:
    """What was measured, as a page."""
    columns = (
        "nodes", "they report", "scheduler, of a core", "its memory", "driver, of a core", "messages", "delay, median",
        "95 %", "a round of leases",
    )  # fmt: skip
    rows = [
        (
            str(each.nodes),
            "in groups" if each.in_groups else "directly",
            f"{each.scheduler_cpu:.1%}",
            f"{each.scheduler_rss / 2**20:.0f} MB",
            f"{each.driver_cpu:.1%}",
            f"{each.messages} of {each.expected}",
            f"{each.median_ms:.0f} ms",
            f"{each.p95_ms:.0f} ms",
            f"{each.renewals_ms:.0f} ms",
        )
        for each in found
    ]
    return (
        "## Many nodes\n\n"
        f"{results.Table(columns, rows).markdown()}\n\n"
        f"Each node sends {MESSAGE_BYTES // 1000} kB a second, all at the same instant; the nodes share the cores of "
        f"this machine. Held to limits with {NODES} nodes: {MOST_CPU:.0%} of a core and {MOST_RSS >> 20} MB.\n"
    )


def main() -> int:
    """Measure; 1 beyond a limit."""
    parser = argparse.ArgumentParser(prog="python -m benches.many_nodes", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[40, NODES])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--simulate", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.simulate is not None:
        asyncio.run(simulate(arguments.address, arguments.simulate))
    ways = (False, True)
    found = [measure(nodes, arguments.seconds, in_groups=way) for nodes in arguments.nodes for way in ways]
    results.keep("many_nodes", [asdict(each) for each in found], page(found))
    beyond = [each for each in found if each.scheduler_cpu > MOST_CPU or each.scheduler_rss > MOST_RSS]
    return 1 if beyond or any(each.messages < each.expected * 0.95 for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
