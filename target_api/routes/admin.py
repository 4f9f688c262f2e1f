"""`/_admin/…`: tests steer the gateway and read the truth; loopback and the admin token only."""

import secrets
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from loadcore_target.connection import is_loopback
from loadcore_target.dependencies import AdminBearer, ExchangeDep, asks_first, client_of, services_of
from loadcore_target.errors import ProblemError
from loadcore_target.faults import FaultProgram
from loadcore_target.routes.documented import problems
from loadcore_target.shared.control import ProgramTooLongError, Word
from loadcore_target.shared.truth import MAX_WORKERS


async def _admin_only(request: Request) -> None:
    if not is_loopback(client_of(request)):
        raise ProblemError(404, "not found")  # from elsewhere these routes do not exist
    expected = services_of(request).settings.admin_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else ""
    if expected is None or not secrets.compare_digest(expected.get_secret_value().encode(), given.encode()):
        raise ProblemError(401, "the admin token is required", {"WWW-Authenticate": 'Bearer realm="admin"'})


router = APIRouter(
    prefix="/_admin",
    tags=["admin"],
    dependencies=[AdminBearer],
    route_class=asks_first(_admin_only),
    responses=problems(401, 404, 422),
)


@router.get("/truth", operation_id="getTruth")
async def truth(exchange: ExchangeDep, *, seconds: bool = False) -> dict[str, Any]:
    """Requests received and answered, summed over all workers; probes and administration are not in `total`."""
    book, table = exchange.services.truth_book, exchange.services.routes
    probes = {label for label, probe in zip(table.labels, table.probe, strict=True) if probe}
    received = book.received()
    loaded = {label: count for label, count in received.items() if label not in probes}
    by_worker: dict[int, int] = {}
    for label, row in book.received_by_worker().items():
        if label not in probes:
            for worker, count in row.items():
                by_worker[worker] = by_worker.get(worker, 0) + count
    answer = {
        "total": sum(loaded.values()),
        "routes": loaded,
        "answered": {label: row for label, row in book.answered().items() if label not in probes and row},
        "probes": {label: received[label] for label in received if label in probes},
        "workers": by_worker,
        "faults": book.faults(),
    }
    return {**answer, "seconds": book.seconds()} if seconds else answer


@router.get("/requests", operation_id="getRequests")
async def requests(
    exchange: ExchangeDep,
    request_id: str | None = None,
    fault: str | None = None,
    route: str | None = None,
    since: Annotated[float, Query(description="Unix seconds")] = 0.0,
    limit: Annotated[int, Query(ge=1, le=1_000_000)] = 1000,
) -> list[dict[str, Any]]:
    """The newest requests of the request-id log that fit, oldest first; `fault=any` for all with a fault."""
    rows = [
        row
        for row in exchange.services.request_log.read()
        if row.received_at >= since
        and (request_id is None or row.request_id == request_id)
        and (fault is None or row.fault == fault or (fault == "any" and row.fault is not None))
        and (route is None or row.route == route)
    ]
    rows.sort(key=lambda row: row.received_at)
    return [asdict(row) for row in rows[-limit:]]


@router.get("/faults", operation_id="getFaults")
async def faults(exchange: ExchangeDep) -> FaultProgram:
    """The fault program that holds now."""
    return exchange.services.control.program()[1]


@router.put("/faults", operation_id="setFaults", responses=problems(400, 413))
async def set_faults(program: FaultProgram, exchange: ExchangeDep) -> FaultProgram:
    """Sets another fault program, for all workers from their next request on; `{}` injects nothing."""
    try:
        program.check_places(exchange.services.routes.labels, MAX_WORKERS)
        exchange.services.control.set_program(program)
    except ProgramTooLongError as error:
        raise ProblemError(413, str(error)) from None
    except ValueError as error:
        raise ProblemError(422, str(error)) from None
    return program


@router.post("/drain", operation_id="startDrain", status_code=204)
async def drain(exchange: ExchangeDep) -> None:
    """Makes `/ready` fail and every answer close its connection, as before a stop."""
    exchange.services.control.draining = True


@router.post("/undrain", operation_id="endDrain", status_code=204)
async def undrain(exchange: ExchangeDep) -> None:
    """Takes a drain back."""
    exchange.services.control.draining = False


@router.post("/cache/flush", operation_id="flushCache", status_code=204)
async def flush_cache(exchange: ExchangeDep) -> None:
    """Makes every cached answer of every worker stale."""
    exchange.services.control.bump(Word.CACHE)


@router.post("/keys/rotate", operation_id="rotateKeys")
async def rotate_keys(exchange: ExchangeDep) -> dict[str, str]:
    """Signs with a new key from now on; tokens signed before stay valid."""
    return {"kid": await exchange.services.tokens.keys.rotate()}
