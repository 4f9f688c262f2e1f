"""A checkout: requests side by side, an optimistic lock, a group's time, and the row that the database has."""

import os
import sqlite3
from collections.abc import AsyncIterator

from loadcore import Client, IterationFailed, Scenario, csv_feeder, oauth2_password, per_worker, user_stages


@per_worker
async def database() -> AsyncIterator[sqlite3.Connection]:
    """The shop's own database, opened before the load begins."""
    connection = sqlite3.connect(os.environ["SHOP_DATABASE"], check_same_thread=False)
    try:
        yield connection
    finally:
        connection.close()


async def open_cart(c: Client) -> None:
    """Every user has a cart."""
    c.state["cart"] = (await c.post("/carts", expect=201)).json("$.id")


async def put_with_lock(c: Client, cart: str, sku: str) -> None:
    """Puts a line into a cart that others change as well."""
    for _ in range(5):
        seen = await c.get("/carts/{cart}", cart)
        put = await c.put(
            "/carts/{cart}/lines/{sku}",
            cart,
            sku,
            json={"quantity": 1},
            headers={"If-Match": seen.headers["ETag"]},
            expect=[200, 412],
        )
        if put.raise_for_error().status == 200:
            return
    raise IterationFailed("five times 412")


async def buyer(c: Client) -> None:
    """Finds, puts, pays, and compares with the database."""
    items, offers = await c.gather(c.get("/items", params={"limit": 20}), c.get("/offers"))
    assert len(items.json("$.items")) == 20
    c.check(offers.service_time < "20s", "offers are quick")
    async with c.group("checkout"):
        await put_with_lock(c, c.state["cart"], c.random.choice(items.json("$.items"))["sku"])
        order = await c.post("/carts/{cart}/checkout", c.state["cart"], expect=201, timeout="20s")
    connection = await database()
    async with c.measure("sqlite", "order by id"):
        row = connection.execute("select total from orders where id = ?", (order.json("$.id"),)).fetchone()
    c.check(row is not None and row[0] == order.json("$.total"), "the row says what the answer said")
    await c.think("20ms")


checkout = Scenario(
    "checkout",
    base_url="http://127.0.0.1:9",
    load=user_stages((3, "0s"), (3, "1s")),
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    feeders=[csv_feeder("users.csv", order="unique")],
    on_start=open_cart,
    steps=buyer,
    thresholds=["checks.failed == 0", "sqlite order by id: service.p95 < 10s", "errors.rate < 1%"],
)
