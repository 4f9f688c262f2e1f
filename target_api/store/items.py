"""Reading items."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from target_api.store.schema import items


async def page_of_items(connection: AsyncConnection, limit: int, after: int) -> Sequence[RowMapping]:
    """Up to `limit` items with an id above `after`, in order of id."""
    query = select(items).where(items.c.id > after).order_by(items.c.id).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def find_item(connection: AsyncConnection, item_id: int) -> RowMapping | None:
    """One item, or `None`."""
    return (await connection.execute(select(items).where(items.c.id == item_id))).mappings().one_or_none()


async def price_of(connection: AsyncConnection, item_id: int) -> int | None:
    """Price of an item in cents, or `None` when there is no such item."""
    query = select(items.c.price_cents).where(items.c.id == item_id)
    price: int | None = (await connection.execute(query)).scalar_one_or_none()
    return price
