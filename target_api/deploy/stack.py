"""All services of one stack: started in order, watched, scaled, stopped in the opposite order."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from loadcore_target.deploy import monitoring, nginx_site
from loadcore_target.deploy.autoscale import Autoscaler
from loadcore_target.deploy.balancers import Balancer, Haproxy, Nginx, NoBalancer
from loadcore_target.deploy.choice import Choice
from loadcore_target.deploy.journal import Entry, Journal
from loadcore_target.deploy.launching import Site
from loadcore_target.deploy.ports import HOST
from loadcore_target.deploy.postgres import Cluster
from loadcore_target.deploy.process import ServiceError, ServiceProcess
from loadcore_target.deploy.replicas import Replicas
from loadcore_target.deploy.topology import fill_environment

_START_S = 60.0
_STOP_S = 10.0
_SCALE_EVERY_S = 0.5
_SOCKETS = "loadcore-sockets-"
_LONGEST_FOLDER = 80


class Stack:
    """Runs the chosen services until asked to stop.

    Args:
        choice: What was chosen.

    Raises:
        MissingError: Something is not installed.
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        services = choice.services()
        self._entry = choice.proxy or "gateway"
        self._site = Site.choose(choice.folder, services, self._entry, choice.port)
        self._journal = Journal(choice.folder)
        self._running: dict[str, ServiceProcess] = {}
        self._cluster: Cluster | None = None
        self._sockets = _short_folder(self._site.place("haproxy")) if choice.proxy == "haproxy" else choice.folder
        self._replicas = Replicas(
            self._site, self._make_balancer(), self._journal, [*choice.gateway, "--profile", "demo"], self._changed
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopped = asyncio.Event()

    @property
    def url(self) -> str:
        """Where clients send their requests."""
        return f"http://{HOST}:{self._site.ports[self._entry]}"

    @property
    def facts(self) -> dict[str, object]:
        """What a client needs to know."""
        facts: dict[str, object] = {"url": self.url, "pid": os.getpid(), "admin_token": self._replicas.admin_token}
        if "prometheus" in self._site.ports:
            facts["prometheus_url"] = f"http://{HOST}:{self._site.ports['prometheus']}"
        return facts

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All services, ready for as long as the block runs.

        Raises:
            ServiceError: One did not start.
        """
        try:
            for name in self._site.services:
                await self._start(name)
            self._changed()
            yield
        finally:
            await self._close()

    async def until_stopped(self) -> None:
        """Scales, if that was chosen, until SIGTERM or SIGINT; SIGHUP replaces the replicas one after another."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._begin, self._replicas.roll)
        if self._choice.scaling:
            self._begin(self._scale)
        await self.stopped.wait()

    def _make_balancer(self) -> Balancer:
        if self._choice.proxy == "haproxy":
            return Haproxy(self._sockets / "admin.sock")
        if self._choice.proxy == "nginx":
            return Nginx(self._write_nginx, self._reload_nginx)
        return NoBalancer()

    async def _start(self, name: str) -> None:
        if name == "gateway":
            await self._replicas.open(self._choice.replicas)
            return
        launch = self._site.launch(name)
        if name == "postgres":
            self._cluster = await Cluster.make()
            launch = self._site.launch(name, self._cluster.folder, self._cluster.account)
        elif name == "haproxy":
            launch = self._site.launch(name, self._sockets)
        elif name == "prometheus":
            jobs = [job for job in ("gateway", "haproxy") if job in self._site.services]
            monitoring.write_configuration(self._site.place(name), jobs)
            self._write_targets()
        self._running[name] = await ServiceProcess.start(launch, _START_S)
        if self._cluster and name == "postgres":
            await self._cluster.make_database(launch.port)
        if name == "haproxy":
            await self._replicas.admit_all()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        balancer = self._running.pop(self._entry, None)
        if balancer:
            await balancer.stop(_STOP_S)
        await self._replicas.close()
        for process in reversed(self._running.values()):
            await process.stop(_STOP_S)
        if self._cluster:
            self._cluster.remove()
        if self._sockets.name.startswith(_SOCKETS):
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _begin(self, action: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            try:
                await action()
            except (ServiceError, OSError) as problem:
                self._journal.event("failed", problem=str(problem))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _scale(self) -> None:
        scaling = self._choice.scaling
        assert scaling is not None  # noqa: S101 - whoever calls has looked
        scaler = Autoscaler(scaling)
        while True:
            await asyncio.sleep(_SCALE_EVERY_S)
            load = await self._replicas.balancer.load()
            if load is None:
                continue
            count = self._replicas.count
            wanted = scaler.wanted(load, count)
            if wanted != count:
                self._journal.event("scales", load=load, replicas=count, wanted=wanted)
                await self._replicas.resize(wanted)

    def _changed(self) -> None:
        """Other processes run than before: written down, and told to Prometheus."""
        if "prometheus" in self._running:
            self._write_targets()
        entries = [self._entry_of(name, process) for name, process in self._running.items()]
        self._journal.state(self.facts, [*entries, *self._replicas.entries()])

    def _entry_of(self, name: str, process: ServiceProcess) -> Entry:
        folder = str(self._cluster.folder) if name == "postgres" and self._cluster else ""
        if name == "haproxy" and self._sockets.name.startswith(_SOCKETS):
            folder = str(self._sockets)
        return Entry(name, process.pid, process.created_at, f"{HOST}:{self._site.ports[name]}", folder)

    def _write_targets(self) -> None:
        folder = self._site.place("prometheus")
        monitoring.write_targets(folder, "gateway", self._replicas.ports)
        if "haproxy" in self._running:
            monitoring.write_targets(folder, "haproxy", [self._site.metrics_ports["haproxy"]])

    def _write_nginx(self, servers: str) -> None:
        variables = fill_environment(self._site.services["nginx"], self._site.values("nginx"))
        nginx_site.write(self._site.place("nginx"), variables, servers)

    async def _reload_nginx(self) -> None:
        process = self._running.get("nginx")
        if process:
            before = nginx_site.workers(process.pid)
            process.signal(signal.SIGHUP)
            await nginx_site.reloaded(process.pid, before)


def _short_folder(folder: Path) -> Path:
    """The folder, or a new one with a short path: HAProxy refuses a socket whose path has more than 97 characters."""
    if len(str(folder)) <= _LONGEST_FOLDER:
        return folder
    return Path(tempfile.mkdtemp(prefix=_SOCKETS, dir="/tmp"))
