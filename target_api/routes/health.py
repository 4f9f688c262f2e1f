"""Probes: `/health` says that the process lives, `/ready` whether to send requests here, `/metrics` how it does."""

import os

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from loadcore_target.dependencies import ExchangeDep
from loadcore_target.models import Health, Readiness
from loadcore_target.settings import CHEAP_HASH

router = APIRouter(tags=["probes"])

_CHEAP_NOTE = (
    "cheap demo hash: a login costs about 0.4 ms of CPU; the OWASP parameters cost about 20 ms, "
    "so that one core does some 45 logins a second"
)


@router.get("/health", operation_id="getHealth")
async def health(exchange: ExchangeDep) -> Health:
    """Liveness: needs nothing but the process."""
    parameters = exchange.services.settings.hash_parameters
    return Health(
        profile=exchange.services.settings.profile,
        replica=exchange.services.settings.replica,
        worker=exchange.services.place.worker,
        pid=os.getpid(),
        password_hash=parameters.label,
        note=_CHEAP_NOTE if parameters == CHEAP_HASH else None,
    )


@router.get("/ready", operation_id="getReadiness", responses={503: {"model": Readiness, "description": "Not ready"}})
async def ready(exchange: ExchangeDep, response: Response) -> Readiness:
    """Readiness: 503 while starting and from the first moment of draining."""
    reasons = []
    if not exchange.services.ready:
        reasons.append("starting")
    if exchange.services.control.draining:
        reasons.append("draining")
    if reasons:
        response.status_code = 503
    return Readiness(ready=not reasons, reasons=reasons)


@router.get("/metrics", operation_id="getMetrics", response_class=Response)
async def metrics(exchange: ExchangeDep) -> Response:
    """Prometheus metrics of all workers."""
    services = exchange.services
    text = services.metrics.render(services.place.process_ids(), draining=services.control.draining)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
