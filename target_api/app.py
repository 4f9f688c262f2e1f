"""The application: routes and middleware, put together in one place."""

import contextlib
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.types import Message

from loadcore_target.errors import install_handlers
from loadcore_target.fault_gate import FaultGate
from loadcore_target.observe.context import ContextMiddleware
from loadcore_target.observe.record import RecordMiddleware
from loadcore_target.route_table import RouteTable
from loadcore_target.routes import admin, auth, health, items, orders, proxy, stream, users, well_known
from loadcore_target.services import Place, Services
from loadcore_target.settings import Settings

LOADED = (users.router, items.router, orders.router, proxy.router, auth.router, stream.router, well_known.router)
"""Routers whose requests count as load."""
PROBES = (health.router, admin.router)
"""Routers whose requests do not."""


def create_app(settings: Settings, place: Place | None = None) -> FastAPI:
    """The gateway as an ASGI application.

    Args:
        settings: Its settings.
        place: Where this worker stands among others; without it the application is a gateway of its own, with
            counters in private memory.
    """
    place = place or Place(worker=0, folder=None, process_ids=lambda: [os.getpid()])
    routes = RouteTable(LOADED, PROBES)
    services = Services(settings, routes, place)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await services.open()
        try:
            await _rehearse(app)
            yield
        finally:
            await services.close()

    app = FastAPI(
        title="loadcore reference gateway",
        summary="A target that counts what it receives",
        version="1.0.0",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.services = services
    for router in (*LOADED, *PROBES):
        # What the gateway sends on, it streams; /echo measures for itself.
        own = router in (proxy.router, stream.router)
        app.include_router(router, max_body_size=None if own else settings.longest_body)
    install_handlers(app, routes)
    # The last one added is the outermost: context, then counting, then faults, then the routes.
    app.add_middleware(
        FaultGate,
        routes=routes,
        control=services.control,
        truth=services.truth,
        metrics=services.metrics,
        cache=services.cache,
        worker=place.worker,
        per_request=bool(settings.fault_header),
    )
    app.add_middleware(
        RecordMiddleware,
        routes=routes,
        truth=services.truth,
        request_log=services.request_log_writer,
        metrics=services.metrics,
        logged_share=settings.log_requests,
    )
    app.add_middleware(ContextMiddleware, routes=routes, control=services.control, replica=settings.replica)
    return app


async def _rehearse(app: FastAPI) -> None:
    """Asks the routers for a path that none of them has, before the gateway is called ready.

    A router makes what it needs for its routes when it is first asked. This happens behind the middleware, so nothing
    is counted.
    """

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/", "root_path": "", "query_string": b"", "headers": []}
    await app.router(scope, receive, send)
