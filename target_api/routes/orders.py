"""`/orders…`: writes that can be repeated without being doubled."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from loadcore_target.dependencies import ExchangeDep, OrderWriter, TokenFirstRoute
from loadcore_target.errors import ProblemError
from loadcore_target.models import OrderCreate, OrderPublic, OrderUpdate
from loadcore_target.routes.documented import problems
from loadcore_target.store.orders import NewOrder, change_status, create_order, delete_order, find_order

router = APIRouter(prefix="/orders", tags=["orders"], route_class=TokenFirstRoute)

OrderId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_ALLOWED_FROM = {"paid": ["created"], "cancelled": ["created", "paid"]}


@router.post(
    "", operation_id="createOrder", status_code=201, responses=problems(400, 401, 403, 404, 409, 422, 429, 503)
)
async def create(
    order: OrderCreate,
    principal: OrderWriter,
    exchange: ExchangeDep,
    response: Response,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=128, description="Makes a repeated request safe")
    ] = None,
) -> OrderPublic:
    """Makes an order; the same `Idempotency-Key` gives the same order again, with `Idempotency-Replayed: true`."""
    fingerprint = hashlib.blake2b(order.model_dump_json().encode(), digest_size=16).hexdigest()
    new = NewOrder(principal.subject, order.item_id, order.quantity, idempotency_key, fingerprint)
    result = await exchange.services.database.run(create_order, new, timings=exchange.context.timings)
    if result is None:
        raise ProblemError(404, f"item {order.item_id} does not exist")
    row, made = result
    if row["fingerprint"] != fingerprint:
        raise ProblemError(409, "this Idempotency-Key was used for another order")
    response.headers["Location"] = f"/orders/{row['id']}"
    if not made:
        response.headers["Idempotency-Replayed"] = "true"
    return _public(row)


@router.get("/{order_id}", operation_id="getOrder", responses=problems(401, 403, 404, 422, 429, 503))
async def read(order_id: OrderId, principal: OrderWriter, exchange: ExchangeDep) -> OrderPublic:
    """One of the user's own orders."""
    row = await exchange.services.database.run(
        find_order, principal.subject, order_id, timings=exchange.context.timings
    )
    if row is None:
        raise ProblemError(404, "the order does not exist")
    return _public(row)


@router.patch("/{order_id}", operation_id="changeOrder", responses=problems(400, 401, 403, 404, 409, 422, 429, 503))
async def change(order_id: OrderId, order: OrderUpdate, principal: OrderWriter, exchange: ExchangeDep) -> OrderPublic:
    """Pays or cancels an order; 409 when its state does not allow that."""
    allowed = _ALLOWED_FROM[order.status]
    row, moved = await exchange.services.database.run(
        change_status, principal.subject, order_id, allowed, order.status, timings=exchange.context.timings
    )
    if row is None:
        raise ProblemError(404, "the order does not exist")
    if not moved:
        raise ProblemError(409, f"an order that is {row['status']} cannot become {order.status}")
    return _public(row)


@router.delete(
    "/{order_id}", operation_id="deleteOrder", status_code=204, responses=problems(401, 403, 404, 422, 429, 503)
)
async def delete(order_id: OrderId, principal: OrderWriter, exchange: ExchangeDep) -> None:
    """Deletes an order."""
    deleted = await exchange.services.database.run(
        delete_order, principal.subject, order_id, timings=exchange.context.timings
    )
    if not deleted:
        raise ProblemError(404, "the order does not exist")


def _public(row: Mapping[Any, Any]) -> OrderPublic:
    return OrderPublic.model_validate({name: row[name] for name in OrderPublic.model_fields})
