"""Writing orders: each key of a user makes one order, however often it is sent."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from loadcore_target.store.dialect import insert_into
from loadcore_target.store.items import price_of
from loadcore_target.store.schema import orders

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import Insert

_MINE = (orders.c.id == bindparam("order_id")) & (orders.c.username == bindparam("owner"))
_FIND = select(orders).where(_MINE)
_SAME_KEY = select(orders).where(
    (orders.c.username == bindparam("owner")) & (orders.c.idempotency_key == bindparam("key"))
)
_CHANGE = (
    update(orders)
    .where(_MINE & orders.c.status.in_(bindparam("allowed", expanding=True)))
    .values(status=bindparam("new_status"))
    .returning(orders)
)
_DELETE = delete(orders).where(_MINE)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be made.

    Args:
        username: Who orders.
        item_id: What.
        quantity: How many.
        idempotency_key: The client's key, or `None` when every request shall make an order.
        fingerprint: Digest of the request, to tell a repetition from another request with the same key.
    """

    username: str
    item_id: int
    quantity: int
    idempotency_key: str | None
    fingerprint: str


def create_order(connection: Connection, new: NewOrder) -> tuple[Mapping[str, Any], bool] | None:
    """Makes the order, or finds the one that the same key made before.

    The insert decides: two workers with the same key cannot both make an order.

    Returns:
        The order and whether it was made now; `None` when there is no such item.
    """
    price = price_of(connection, new.item_id)
    if price is None:
        return None
    row: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "username": new.username,
        "item_id": new.item_id,
        "quantity": new.quantity,
        "total_cents": price * new.quantity,
        "status": "created",
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "idempotency_key": new.idempotency_key,
        "fingerprint": new.fingerprint,
    }
    if connection.execute(_insert(connection.dialect.name), row).rowcount == 1:
        return row, True
    same_key = {"owner": new.username, "key": new.idempotency_key}
    made_before: Mapping[str, Any] = dict(connection.execute(_SAME_KEY, same_key).mappings().one())
    return made_before, False


@cache
def _insert(dialect: str) -> "Insert":
    return insert_into(dialect, orders).on_conflict_do_nothing(index_elements=["username", "idempotency_key"])


def find_order(connection: Connection, username: str, order_id: str) -> RowMapping | None:
    """One order of a user, or `None`; another user's order counts as none."""
    return connection.execute(_FIND, {"owner": username, "order_id": order_id}).mappings().one_or_none()


def change_status(
    connection: Connection, username: str, order_id: str, allowed: list[str], status: str
) -> tuple[RowMapping | None, bool]:
    """Moves an order from one of the allowed states to another.

    Returns:
        The order as it is now, `None` when there is no such order; and whether it was moved.
    """
    which = {"owner": username, "order_id": order_id, "allowed": allowed, "new_status": status}
    moved = connection.execute(_CHANGE, which).mappings().one_or_none()
    if moved is not None:
        return moved, True
    return find_order(connection, username, order_id), False


def delete_order(connection: Connection, username: str, order_id: str) -> bool:
    """Deletes an order of a user; whether there was one."""
    return connection.execute(_DELETE, {"owner": username, "order_id": order_id}).rowcount == 1
