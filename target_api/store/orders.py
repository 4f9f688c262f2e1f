"""Writing orders: each key of a user makes one order, however often it is sent."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from target_api.store.dialect import insert_into
from target_api.store.schema import orders


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be made.

    Args:
        username: Who orders.
        item_id: What.
        quantity: How many.
        total_cents: What it costs.
        idempotency_key: The client's key, or `None` when every request shall make an order.
        fingerprint: Digest of the request, to tell a repetition from another request with the same key.
    """

    username: str
    item_id: int
    quantity: int
    total_cents: int
    idempotency_key: str | None
    fingerprint: str


async def create_order(connection: AsyncConnection, new: NewOrder) -> tuple[RowMapping, bool]:
    """Makes the order, or finds the one that the same key made before.

    The insert comes first and decides: two workers with the same key cannot both make an order.

    Returns:
        The order and whether it was made now.
    """
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "username": new.username,
        "item_id": new.item_id,
        "quantity": new.quantity,
        "total_cents": new.total_cents,
        "status": "created",
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "idempotency_key": new.idempotency_key,
        "fingerprint": new.fingerprint,
    }
    unique = ["username", "idempotency_key"]
    statement = (
        insert_into(connection, orders).values(values).on_conflict_do_nothing(index_elements=unique).returning(orders)
    )
    made = (await connection.execute(statement)).mappings().one_or_none()
    if made is not None:
        return made, True
    same_key = (orders.c.username == new.username) & (orders.c.idempotency_key == new.idempotency_key)
    return (await connection.execute(select(orders).where(same_key))).mappings().one(), False


async def find_order(connection: AsyncConnection, username: str, order_id: str) -> RowMapping | None:
    """One order of a user, or `None`; somebody else's order is as good as none."""
    query = select(orders).where((orders.c.id == order_id) & (orders.c.username == username))
    return (await connection.execute(query)).mappings().one_or_none()


async def change_status(
    connection: AsyncConnection, username: str, order_id: str, allowed: list[str], status: str
) -> RowMapping | None:
    """Moves an order from one of the allowed states to another; `None` when it is in none of them."""
    mine = (orders.c.id == order_id) & (orders.c.username == username)
    statement = update(orders).where(mine & orders.c.status.in_(allowed)).values(status=status).returning(orders)
    row: RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def delete_order(connection: AsyncConnection, username: str, order_id: str) -> bool:
    """Deletes an order of a user; whether there was one."""
    mine = (orders.c.id == order_id) & (orders.c.username == username)
    return (await connection.execute(delete(orders).where(mine))).rowcount == 1
