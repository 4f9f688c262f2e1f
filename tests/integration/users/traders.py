"""Users as a class, for state with types, beside declared users in one run."""

from loadcore import Scenario, User, csv_feeder, every, get, task, think, users


class Trader(User):
    """An instance for each user."""

    symbols: list[str]

    async def on_start(self) -> None:
        """What may be traded."""
        self.symbols = (await self.c.get("/symbols")).json()["codes"]

    async def on_stop(self) -> None:
        """Closes what is open."""
        await self.c.delete("/orders", expect=204)

    @task(4)
    async def watch(self) -> None:
        """Looks at a quote."""
        symbol = self.c.random.choice(self.symbols)
        quote = await self.c.get("/quotes/{symbol}", symbol)
        self.c.check(quote.json("$.symbol") == symbol, "its own symbol")

    @task(1)
    async def trade(self) -> None:
        """Buys, and waits until that is filled."""
        async with self.c.group("order to fill"):
            order = await self.c.post("/orders", json={"symbol": self.symbols[0], "side": "buy"}, expect=202)
            while (await self.c.get("/orders/{id}", order.json("$.id"))).json("$.state") != "filled":
                await self.c.sleep("5ms")


traders = Scenario(
    "traders",
    base_url="http://127.0.0.1:9",
    load=users(3, duration="1s"),
    steps=Trader,
    pacing=every("20ms", "40ms"),
    feeders=[csv_feeder("users.csv", order="per_user")],
    thresholds=["checks.failed == 0"],
)
pollers = Scenario(
    "pollers", base_url="http://127.0.0.1:9", load=users(2, duration="1s"), steps=[get("/quotes/A"), think("50ms")]
)
