"""Everything that the routes of one worker use, opened and closed together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore_target.cache import AnswerCache
from loadcore_target.observe.loop_lag import watch_loop_lag
from loadcore_target.observe.metrics import Metrics
from loadcore_target.rate_limit import RateLimits, SharedStorage
from loadcore_target.route_table import RouteTable
from loadcore_target.security.keys import KeyRing
from loadcore_target.security.passwords import PasswordVerifier
from loadcore_target.security.tokens import TokenService
from loadcore_target.settings import Settings
from loadcore_target.shared.control import ControlPage
from loadcore_target.shared.request_log import RequestLog
from loadcore_target.shared.truth import TruthBlock, TruthBook
from loadcore_target.store.open import open_database
from loadcore_target.store.seed import seed
from loadcore_target.upstream import Upstreams

if TYPE_CHECKING:
    from loadcore_target.store.database import Database


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's position in its gateway.

    Args:
        worker: Its number, below the number of workers; decides which truth counters it writes.
        folder: The folder that all workers share, or `None` for a gateway within one process.
        process_ids: Reads the process ids of all workers.
    """

    worker: int
    folder: Path | None
    process_ids: Callable[[], list[int]]


class Services:
    """The parts of one worker.

    What is counted and shared is made with the application and outlives its lifespan; what is connected is made by
    `open`, each time.

    Args:
        settings: The settings of the gateway.
        routes: The route table.
        place: Where this worker stands.
    """

    def __init__(self, settings: Settings, routes: RouteTable, place: Place) -> None:
        self.settings = settings
        self.routes = routes
        self.place = place
        folder = place.folder
        self.control = ControlPage(folder / "control.page" if folder else None)
        self.truth_book = TruthBook(folder / "truth.page" if folder else None, routes.labels)
        self.truth: TruthBlock = self.truth_book.block(place.worker)
        self.request_log = RequestLog(folder / "requests.page" if folder else None, settings.request_log, routes.labels)
        self.request_log_writer = self.request_log.writer(place.worker)
        if folder is None:
            self.control.set_program(settings.fault_program())
        self.metrics = Metrics()
        self._limits_page = SharedStorage.page(folder / "limits.page" if folder else None)
        self.cache = AnswerCache(settings.cache_url, settings.cache_ttl_s, self.metrics, self.control)
        self.limits: RateLimits
        self.database: Database
        self.tokens: TokenService
        self.passwords: PasswordVerifier
        self.upstreams: Upstreams
        self.ready = False
        self._watches: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Opens database, keys and cache; a gateway within one process also fills its database."""
        settings = self.settings
        self.database = open_database(settings, settings.data_dir, self.metrics)
        if self.place.folder is None:
            await seed(self.database, settings)
        keys = KeyRing(self.database, self.control, settings)
        self.tokens = TokenService(settings, keys, self.database, self.control)
        await self.tokens.load()
        self.passwords = PasswordVerifier(
            settings.hash_parameters, settings.hash_concurrency, settings.hash_queue, self.metrics
        )
        self.limits = RateLimits(settings, self._limits_page, self.metrics)
        await self.cache.open()
        self.upstreams = Upstreams(settings, self.metrics)
        await self.upstreams.open()
        self._watches = [asyncio.create_task(watch_loop_lag(self.metrics))]
        if self.database.shared:
            self._watches.append(asyncio.create_task(self.tokens.follow_replicas()))
        self.ready = True

    async def close(self) -> None:
        """Closes what `open` opened."""
        self.ready = False
        for watch in self._watches:
            watch.cancel()
        self.passwords.close()
        await self.upstreams.close()
        await self.cache.close()
        await self.database.close()
