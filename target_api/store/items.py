"""Reading items."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, select

from loadcore_target.store.schema import items

_PAGE = select(items).where(items.c.id > bindparam("after")).order_by(items.c.id).limit(bindparam("limit"))
_BY_ID = select(items).where(items.c.id == bindparam("item_id"))
_PRICE = select(items.c.price_cents).where(items.c.id == bindparam("item_id"))


def page_of_items(connection: Connection, limit: int, after: int) -> Sequence[RowMapping]:
    """Up to `limit` items with an id above `after`, in order of id."""
    return connection.execute(_PAGE, {"limit": limit, "after": after}).mappings().all()


def find_item(connection: Connection, item_id: int) -> RowMapping | None:
    """One item, or `None`."""
    return connection.execute(_BY_ID, {"item_id": item_id}).mappings().one_or_none()


def price_of(connection: Connection, item_id: int) -> int | None:
    """Price of an item in cents, or `None` when there is no such item."""
    price: int | None = connection.execute(_PRICE, {"item_id": item_id}).scalar_one_or_none()
    return price
