"""What a user's function can do with its client, without an engine."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import Client, IterationFailed
from loadcore.scripting.failures import CheckFailed
from loadcore.scripting.row import NoColumn
from tests.unit.scripting.fake import Fake, Turn, driver, run

if TYPE_CHECKING:
    from collections.abc import Callable


def test_requests_are_named_by_what_is_written() -> None:
    """Method and URL with its braces; parameters are never part of it, and an explicit name wins."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        await c.get("/items/{id}", 7, params={"q": "a b"})
        await c.post("/items?x=1", params={"y": 2}, json={})
        await c.request("PURGE", "/cache", name="purge")

    assert run(shopper, fake).how == "complete"
    sent = [(each.name, each.method, each.url) for each in fake.sent]
    assert sent == [
        ("GET /items/{id}", "GET", "/items/7?q=a+b"),
        ("POST /items", "POST", "/items?x=1&y=2"),
        ("purge", "PURGE", "/cache"),
    ]


def test_headers_are_sent_from_then_on() -> None:
    """Those of the client with every request; a call's own of that name win."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        await c.get("/a")
        c.headers["X-Session"] = "s"
        await c.get("/b")
        await c.get("/c", headers={"x-session": "own"})

    run(shopper, fake)
    assert [list(each.headers) for each in fake.sent] == [[], [("X-Session", "s")], [("x-session", "own")]]


def test_options_reach_the_engine() -> None:
    """Timeouts, statuses, redirects and authentication as the engine takes them."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        await c.get("/a", timeout="1s", expect=404, follow_redirects=False)

    run(shopper, fake)
    assert fake.sent[0].options == {
        "timeouts": (1_000_000_000, None, 1_000_000_000),
        "expect": ((404, 404),),
        "max_redirects": 0,
        "anonymous": False,
        "streamed": False,
    }


def test_a_row_and_variables() -> None:
    """The row of the iteration; what is set is given to declared steps that follow."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        assert (c.row["name"], c.user, c.iteration) == ("ada", 3, 5)
        assert repr(c.row) == "<row with name>"
        c.variables["cart"] = {"id": 7}
        c.variables["item"] = "x"

    run(shopper, fake, name="ada")
    assert fake.changed == {"cart": '{"id": 7}', "item": "x"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"account": "a"}, 'the row has no column "acount", did you mean "account"?'),
        ({}, 'the row has no column "acount": the scenario has no feeders'),
    ],
)
def test_a_column_that_is_not_there(row: dict[str, str], message: str) -> None:
    """The message says which there are."""
    client = driver(Fake(), **row).client
    with pytest.raises(NoColumn) as caught:
        client.row["acount"]
    assert str(caught.value) == message


def test_chance_comes_from_the_seed() -> None:
    """The same in each iteration of the same number, and another in others."""

    def numbers(iteration: int, user: int = 3) -> list[int]:
        made = driver(Fake(number=user))
        made.begin(Turn(iteration))
        return [made.client.random.randrange(1_000_000) for _ in range(3)]

    assert numbers(5) == numbers(5)
    assert len({tuple(numbers(iteration, user)) for iteration in (5, 6) for user in (3, 4)}) == 4


def test_pauses() -> None:
    """Thinking draws as the step does; sleeping is exact."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        await c.think("2s")
        await c.think("1s", "3s")
        await c.think(mean="10ms")
        await c.sleep("50ms")
        await c.sleep(timedelta(milliseconds=7))

    assert run(shopper, fake).how == "complete"
    fixed, between, mean, exact, measured = fake.waited
    assert (fixed, exact, measured) == (2_000_000_000, 50_000_000, 7_000_000)
    assert 1_000_000_000 <= between <= 3_000_000_000
    assert 0 < mean <= 100_000_000


@pytest.mark.parametrize(
    ("pause", "message"),
    [
        (("3s", "1s"), "c.think goes from 3s down to 1s: write the shorter length first"),
        ((), 'c.think takes one length, two lengths, or a mean: write c.think("1s", "3s")'),
        ((2,), 'a length of time is 2: write it as "500ms" or "2s"'),
        (("2",), '2 has no unit: write "2s" or "2ms"'),
    ],
)
def test_pauses_that_make_no_sense(pause: Any, message: str) -> None:
    """The message says what is wrong and what to write."""
    client: Any = driver(Fake()).client
    with pytest.raises((TypeError, ValueError)) as caught:
        asyncio.run(client.think(*pause))
    assert str(caught.value) == message


def test_checks() -> None:
    """They are counted both ways and tell what they found; one that stops ends the iteration."""
    fake = Fake()
    found = []

    async def shopper(c: Client) -> None:
        found.append(c.check(1 + 1 == 2, "sum"))
        found.append(c.check([], "empty"))
        c.check(False, "last", stop=True)

    assert run(shopper, fake).how == "failed"
    assert (found, fake.checked) == ([True, False], [("sum", True), ("empty", False), ("last", False)])


def test_a_check_of_what_was_not_awaited() -> None:
    """It would always hold."""
    client = driver(Fake()).client
    forgotten = client.think("1s")
    with pytest.raises(TypeError) as caught:
        client.check(forgotten, "x")
    forgotten.close()
    assert str(caught.value) == 'the check "x" got a coroutine that was not awaited: write await before it'


def test_groups_and_measures() -> None:
    """An exception fails them; what the end of the run cuts off is not counted."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        async with c.group("fine"):
            await c.get("/")
        async with c.measure("postgres", "order by id"):
            pass
        async with c.measure("redis", "get") as measure:
            measure.fail()
        async with c.group("bad"), c.measure("redis", "set"):
            raise IterationFailed

    async def cut(c: Client) -> None:
        async with c.group("cut"), c.measure("redis", "cut"):
            raise asyncio.CancelledError

    assert run(shopper, fake).how == "failed"
    assert run(cut, fake, is_cut=True).how == "interrupted"
    assert fake.grouped == [("fine", True), ("bad", False)]
    assert fake.rows == [
        ("postgres order by id", "postgres", False),
        ("redis get", "redis", True),
        ("redis set", "redis", True),
    ]


def test_gather() -> None:
    """All at once, in the order in which they are written; a task group works as well."""
    fake = Fake({"/a": (200, {}, "a"), "/b": (200, {}, "b")})

    async def shopper(c: Client) -> None:
        a, b = await c.gather(c.get("/a"), c.get("/b"))
        assert (a.json(), b.json()) == ("a", "b")
        again: Any = await asyncio.wait_for(asyncio.shield(c.get("/a")), 1)
        assert again is fake.made[-1]

    assert run(shopper, fake).how == "complete"


def test_a_run_can_be_ended() -> None:
    """Even where the user's code catches every exception."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        try:
            c.abort("the stock is empty")
        except Exception:  # noqa: BLE001 - what is tested
            await c.get("/never")

    assert run(shopper, fake).how == "interrupted"
    assert (fake.aborted, fake.sent) == ("the stock is empty", [])


def test_a_failed_check_is_an_iteration_that_failed() -> None:
    """Users may catch what ends their iteration."""
    assert issubclass(CheckFailed, IterationFailed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.get(7), 'the URL is 7: it must be a string such as "/items"'),
        (lambda c: c.get(b"/items"), 'the URL is a bytes: it must be a string such as "/items"'),
        (lambda c: c.request(7, "/items"), 'the method is 7: write c.request("GET", "/items")'),
        (
            lambda c: c.get("/items/{id}", id=7),
            'c.get() has no option "id": values follow the URL: c.get("/items/{id}", 7)',
        ),
        (lambda c: c.group(7), 'the name of a group is 7: write c.group("checkout")'),
        (lambda c: c.measure("redis", 7), 'c.measure() takes two strings: write c.measure("postgres", "order by id")'),
    ],
)
def test_arguments_of_a_wrong_kind(call: Callable[[Any], object], message: str) -> None:
    """One sentence says what is wrong and what to write."""
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        call(driver(Fake()).client)


def test_methods_in_lower_case() -> None:
    """They are those that httpx makes of them."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        await c.request("get", "/a")

    assert run(shopper, fake).how == "complete"
    assert fake.made[0].name == "GET /a"
