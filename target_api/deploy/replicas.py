"""The replicas of the gateway: as many as are wanted, each replaced when it dies."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadcore_target.deploy.balancers import SLOTS, Balancer
from loadcore_target.deploy.journal import Entry, Journal
from loadcore_target.deploy.launching import Site
from loadcore_target.deploy.ports import HOST
from loadcore_target.deploy.process import ServiceError, ServiceProcess

_START_S = 60.0
_STOP_S = 35.0
_RESTART_PAUSE_S = 0.3
_TRIES = 10
# Between the balancer's last new request and SIGTERM: what it had chosen a replica for arrives there.
_SETTLE_S = 0.3


@dataclass(slots=True)
class _Replica:
    slot: int
    port: int
    process: ServiceProcess
    leaving: bool = False


class Replicas:
    """Starts, watches, restarts and stops replicas.

    Args:
        site: Where they run.
        balancer: Who sends them requests.
        journal: Gets what happens.
        arguments: Further arguments of each.
        changed: Called whenever other replicas run than before.

    Attributes:
        admin_token: Opens the counters of each of them.
    """

    def __init__(
        self,
        site: Site,
        balancer: Balancer,
        journal: Journal,
        arguments: Sequence[str],
        changed: Callable[[], None],
    ) -> None:
        self._site = site
        self.balancer = balancer
        self._journal = journal
        self._arguments = list(arguments)
        self._changed = changed
        self._replicas: dict[int, _Replica] = {}
        self._taken: set[int] = set()
        self._watches: set[asyncio.Task[None]] = set()
        self._resizing = asyncio.Lock()
        self._started = 0
        self._stopping = False
        self.admin_token = secrets.token_urlsafe(32)
        self._variables = {"GATEWAY_SECRET": secrets.token_urlsafe(32), "GATEWAY_ADMIN_TOKEN": self.admin_token}

    @property
    def count(self) -> int:
        """How many there are, those that are being stopped left out."""
        return sum(not replica.leaving for replica in self._replicas.values())

    @property
    def ports(self) -> list[int]:
        """Where they listen."""
        return [replica.port for _, replica in sorted(self._replicas.items()) if not replica.leaving]

    def entries(self) -> list[Entry]:
        """Those that run."""
        return [
            Entry(f"gateway-{slot}", each.process.pid, each.process.created_at, f"http://{HOST}:{each.port}")
            for slot, each in sorted(self._replicas.items())
        ]

    async def open(self, count: int) -> None:
        """Starts the first ones; the very first alone, because it fills the database.

        Raises:
            ServiceError: One did not start.
        """
        await self._add()
        await self._add_many(count - 1)

    async def resize(self, count: int) -> None:
        """Adds or removes replicas until there is this number of them.

        Raises:
            ServiceError: One did not start.
        """
        async with self._resizing:
            if count > self.count:
                await self._add_many(count - self.count)
            else:
                # The newest go first: the others' caches are warm.
                slots = sorted((slot for slot, each in self._replicas.items() if not each.leaving), reverse=True)
                await asyncio.gather(*(self._remove(slot) for slot in slots[: self.count - count]))

    async def roll(self) -> None:
        """Replaces one after another, each drained first and its successor ready before the next one goes."""
        async with self._resizing:
            for slot in sorted(self._replicas):
                await self._remove(slot)
                await self._add(slot)
            self._journal.event("rolled", replicas=self.count)

    async def admit_all(self) -> None:
        """Tells a balancer that has just started which replicas there are."""
        for replica in self._replicas.values():
            await self.balancer.admit(replica.slot, replica.port)

    async def close(self) -> None:
        """Stops all of them."""
        self._stopping = True
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*(each.process.stop(_STOP_S) for each in self._replicas.values()))
        self._replicas.clear()

    async def _add_many(self, count: int) -> None:
        """Starts some at the same time, and waits for all of them whatever becomes of one."""
        ends = await asyncio.gather(*(self._add() for _ in range(count)), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _add(self, slot: int = 0) -> None:
        slot = slot or next(free for free in range(1, SLOTS + 1) if free not in self._taken)
        self._taken.add(slot)
        port = self._site.slot_ports[slot]
        try:
            replica = _Replica(slot, port, await self._start(slot, port))
        except BaseException:
            self._taken.discard(slot)
            raise
        self._replicas[slot] = replica
        await self.balancer.admit(slot, port)
        self._tell("up", slot)
        watch = asyncio.create_task(self._watch(replica))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _start(self, slot: int, port: int) -> ServiceProcess:
        self._started += 1
        data = self._site.place("gateway") / f"{slot}-{self._started:04}"
        more: tuple[list[str], Mapping[str, str]] = (self._arguments, self._variables)
        return await ServiceProcess.start(self._site.replica(slot, port, data, more), _START_S)

    async def _remove(self, slot: int) -> None:
        replica = self._replicas[slot]
        replica.leaving = True
        self._changed()
        await self.balancer.drain(slot)
        await asyncio.sleep(_SETTLE_S)
        await replica.process.stop(_STOP_S)
        self._forget(slot)
        self._tell("down", slot)

    async def _watch(self, replica: _Replica) -> None:
        """Starts a replica again that ended without an order from the stack."""
        while not replica.leaving:
            code = await replica.process.wait()
            if replica.leaving or self._stopping:
                return
            self._journal.event("ended", replica=replica.slot, code=code)
            for _ in range(_TRIES):
                await asyncio.sleep(_RESTART_PAUSE_S)
                # Its workers may hold the port a moment longer than it lived.
                with contextlib.suppress(ServiceError):
                    replica.process = await self._start(replica.slot, replica.port)
                    break
            else:
                self._forget(replica.slot)
                self._tell("given up", replica.slot)
                return
            await self.balancer.admit(replica.slot, replica.port)
            self._tell("up again", replica.slot)

    def _forget(self, slot: int) -> None:
        del self._replicas[slot]
        self._taken.discard(slot)

    def _tell(self, event: str, slot: int) -> None:
        self._journal.event(event, replica=slot, replicas=self.count)
        self._changed()
