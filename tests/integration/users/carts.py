"""One user in a test or a notebook, and many under load: the target's address is an argument of the run."""

from loadcore import Client, Scenario, rows_feeder, users


async def shopper(c: Client) -> None:
    """Fills a cart."""
    cart = (await c.post("/carts", json={"owner": c.row["name"]}, expect=201)).json("$.id")
    await c.put("/carts/{cart}/lines/{sku}", cart, c.random.randrange(20), json={"quantity": 1})
    assert (await c.get("/carts/{cart}", cart)).json("$.total") > 0
    await c.think("20ms", "50ms")


shop = Scenario(
    "shop",
    load=users(5, duration="1s"),
    steps=shopper,
    feeders=[rows_feeder([{"name": f"user-{n}"} for n in range(5)], order="unique")],
    thresholds=["errors.rate < 1%", "checks.failed == 0", "GET /carts/{cart}: errors.rate < 1%"],
)
