"""Users in Python against a small shop: what they do is what the shop counted, and what results say."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

import loadcore
from loadcore import Client, Scenario, arrival_rate, get, iterations, post, response, users
from loadcore.errors import RunError
from loadcore.scripting.failures import NoResponse
from tests.e2e.command import loadcore as loadcore_command
from tests.integration.shop import SIGNING_KEY, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_USERS = Path(__file__).parent / "users"
_ACCOUNTS = "username,password,account\n" + "".join(f"user-{n},p{n},a{n}\n" for n in range(20))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop of its own."""
    server = Shop(tmp_path / "shop.db")
    yield server
    server.stop()


@pytest.fixture
def place(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of users and their accounts."""
    for name, value in {"SIGNING_KEY": SIGNING_KEY, "SECRET": "s", "SHOP_DATABASE": str(shop.database)}.items():
        monkeypatch.setenv(name, value)
    for path in _USERS.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    for name in ("users.csv", "accounts.csv"):
        (tmp_path / name).write_text(_ACCOUNTS)
    return tmp_path


def run(file: Any, shop: Shop, folder: Path, **changes: Any) -> Any:
    """A run of one worker, which a busy machine may make invalid, or late with its last answers, and nothing else."""
    made = loadcore.run(file, base_url=shop.url, workers=1, out=folder / "run", **changes)
    crossed = {each["expression"] for each in made.summary["thresholds"] if each["state"] == "fail"}
    assert crossed <= {"answered >= 99% of asked"}
    assert made.exit_code in {0, 99 if crossed else 0, 111}, made.verdict
    return made


def rows(made: Any, section: str = "main") -> dict[str, int]:
    """How many rows each step of a section has."""
    of_section = {each["name"] for each in made.summary["steps"] if each["section"] == section}
    names = [name for name in made.requests["step"].to_pylist() if name in of_section]
    return {name: names.count(name) for name in names}


def checks(made: Any) -> dict[str, tuple[int, int]]:
    """How often each check held and did not."""
    return {each["name"]: (each["evaluated"] - each["failed"], each["failed"]) for each in made.summary["checks"]}


def test_a_gateway(place: Path, shop: Shop) -> None:
    """Declared and scripted personas by weight, pages with a 429 between them, signed bodies, a pool of tokens."""
    made = run(str(place / "gateway.py"), shop, place, seed=1, users=20, iterations=60)
    found = rows(made)
    assert set(found) <= {"GET /v1/me", "GET /v1/invoices", "POST /v1/invoices/{id}/payments"}
    assert found["GET /v1/me"] == shop.counts["GET /v1/me"] > 0
    assert found["GET /v1/invoices"] == shop.counts["GET /v1/invoices"]
    assert found["POST /v1/invoices/{id}/payments"] == shop.counts["POST /v1/invoices/(.+)/payments"] > 0
    assert shop.counts["429"] == 1
    assert shop.paid
    passed, failed = checks(made)["settled or already paid"]
    assert (passed, failed) == (found["POST /v1/invoices/{id}/payments"], 0)


def test_a_checkout(place: Path, shop: Shop) -> None:
    """Requests side by side, a lock that fails once, a group, a database, a start."""
    made = run(str(place / "checkout.py"), shop, place)
    found = rows(made)
    assert rows(made, "start") == {"POST /carts": 3}
    assert found["GET /items"] == found["GET /offers"] == shop.counts["GET /items"]
    assert found["PUT /carts/{cart}/lines/{sku}"] == found["POST /carts/{cart}/checkout"] + 3
    orders = found["POST /carts/{cart}/checkout"]
    assert rows(made, "user") == {"sqlite order by id": orders}
    assert checks(made)["the row says what the answer said"] == (orders, 0)
    (group,) = made.summary["groups"]
    assert (group["name"], group["count"]) == ("checkout", orders)


def test_users_as_a_class(place: Path, shop: Shop) -> None:
    """Tasks by weight, a start and a stop; declared users run beside them."""
    made = run(str(place / "traders.py"), shop, place, seed=1, duration="3s")
    found = rows(made)
    start = rows(made, "start")
    assert start == {"GET /symbols": 3, "DELETE /orders": 3}
    assert found["GET /quotes/{symbol}"] > found["POST /orders"] > 0
    assert found["GET /orders/{id}"] == 2 * found["POST /orders"]
    assert found["GET /quotes/A"] > 0


def module(path: Path) -> ModuleType:
    """A file as a test would import it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_a_function_that_travels_itself(place: Path, shop: Shop) -> None:
    """As a notebook's does: its module has no name that a worker could import."""
    carts = module(place / "carts.py")
    made = run(carts.shop, shop, place)
    found = rows(made)
    assert found["POST /carts"] == len(shop.carts) >= 5
    assert found["GET /carts/{cart}"] == found["PUT /carts/{cart}/lines/{sku}"]


def test_one_user_without_a_run(place: Path, shop: Shop) -> None:
    """The same function, with a row of the feeder, and requests by hand."""
    carts = module(place / "carts.py")

    async def once() -> None:
        async with Client(carts.shop, base_url=shop.url) as c:
            assert c.row["name"].startswith("user-")
            await carts.shopper(c)
            r = await c.get("/carts/{cart}", "0")
            assert repr(r).startswith("<200 GET /carts/{cart} ")
            assert r.json("$.total") == 1

    asyncio.run(once())
    assert shop.counts["GET /carts/([^/]+)"] == 2


def test_a_client_of_ones_own() -> None:
    """Needs no scenario; what never arrives is a value."""

    async def once() -> None:
        async with Client(base_url="http://127.0.0.1:1", row={"a": "b"}) as c:
            r = await c.get("/x")
            assert (r.status, r.error, c.row["a"]) == (0, "connect_refused", "b")
            with pytest.raises(NoResponse):
                r.json()

    asyncio.run(once())


def test_a_client_whose_start_fails(shop: Shop) -> None:
    """Whoever opens the client gets the error."""
    broken = Scenario("broken", base_url="http://127.0.0.1:1", steps=[get("/x")], on_start=[post("/login")])

    async def once() -> None:
        async with Client(broken):
            raise AssertionError("it was opened")

    with pytest.raises(RunError, match="the user's start failed"):
        asyncio.run(once())
    assert not shop.counts


def test_debugging_one_user(place: Path, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each request; an exception of the user's code comes through with its own frames."""
    loadcore.debug(module(place / "carts.py").shop, base_url=shop.url, iterations=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" → ")[0] for line in lines[:3]] == [
        "POST /carts",
        "PUT /carts/{cart}/lines/{sku}",
        "GET /carts/{cart}",
    ]
    assert len(lines) == 6

    async def broken(c: Client) -> None:
        await c.get("/items")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        loadcore.debug(Scenario("broken", base_url=shop.url, steps=broken))
    assert caught.traceback[-1].name == "broken"


def test_steps_before_and_after_a_script_share_variables(shop: Shop, tmp_path: Path) -> None:
    """What a step extracts the script reads, and what it sets later steps send."""

    async def between(c: Client) -> None:
        c.variables["sku"] = f"s-{c.variables['cart']}"

    mixed = Scenario(
        "mixed",
        load=iterations(total=1),
        steps=[
            post("/carts", expect=201, extract={"cart": response.json("$.id")}),
            between,
            get("/quotes/{sku}"),
        ],
    )
    run(mixed, shop, tmp_path)
    assert shop.counts["GET /quotes/(.+)"] == 1


def test_open_models_and_fixed_iterations(shop: Shop, tmp_path: Path) -> None:
    """Every load model hands iterations to a script."""

    async def visit(c: Client) -> None:
        await c.get("/items")

    arriving = Scenario("arriving", load=arrival_rate("50/s", duration="1s"), steps=visit)
    fixed = Scenario("fixed", load=iterations(total=7, users=2), steps=visit)
    made = run([arriving, fixed], shop, tmp_path)
    by_scenario = {each["name"]: each["iterations"]["completed"] for each in made.summary["load"]["scenarios"]}
    assert by_scenario == {"arriving": 50, "fixed": 7}
    assert shop.counts["GET /items"] == 57


def test_iterations_that_follow_one_another(shop: Shop, tmp_path: Path) -> None:
    """Each has a number and the variables of its own, whatever the last did to them, and rows have the same number."""
    seen = tmp_path / "seen.txt"

    async def reader(c: Client) -> None:
        assert "mine" not in c.variables
        assert c.variables["symbols"]
        with seen.open("a") as file:
            file.write(f"{c.user} {c.iteration}\n")
        await c.get("/items")
        if c.iteration % 3 == 1:
            c.variables["mine"] = "x"
        if c.iteration % 3 == 2:
            del c.variables["symbols"]

    start = [get("/symbols", extract={"symbols": response.json("$.codes[0]")})]
    following = Scenario("following", load=iterations(total=60, users=3), on_start=start, steps=reader)
    made = run(following, shop, tmp_path)
    lines = [tuple(map(int, line.split())) for line in seen.read_text().splitlines()]
    table = made.requests.filter(pc.equal(made.requests["step"], "GET /items"))
    assert sorted(zip(table["user"].to_pylist(), table["iteration"].to_pylist(), strict=True)) == sorted(lines)
    for user in range(3):
        mine = [iteration for number, iteration in lines if number == user]
        assert mine == [*range(len(mine))]
    (load,) = made.summary["load"]["scenarios"]
    assert (load["iterations"]["started"], load["iterations"]["completed"]) == (60, 60)
    assert shop.counts["GET /items"] == len(lines) == 60


def test_an_iteration_that_waits_for_nothing_keeps_none_from_running(shop: Shop, tmp_path: Path) -> None:
    """Whoever makes requests makes them, and is cut off by none."""

    async def idle(_: Client) -> None:
        return

    async def busy(c: Client) -> None:
        await c.get("/items")

    load = iterations(total=20, users=2)
    made = run(
        [Scenario("idle", load=users(5, duration="1s"), steps=idle), Scenario("busy", load=load, steps=busy)],
        shop,
        tmp_path,
    )
    assert shop.counts["GET /items"] == 20
    idling, _ = made.summary["load"]["scenarios"]
    assert idling["iterations"]["completed"] > 0


def test_a_script_that_always_raises(shop: Shop, tmp_path: Path) -> None:
    """All iterations raise and no request is at fault: 107, with the first traceback."""

    async def broken(c: Client) -> None:
        (await c.get("/items")).json()["missing"]

    made = loadcore.run(
        Scenario("broken", base_url=shop.url, load=users(2, duration="1s"), steps=broken),
        workers=1,
        out=tmp_path / "run",
    )
    assert made.exit_code == 107


def test_a_scenario_that_always_misses_a_value_says_which(shop: Shop, tmp_path: Path) -> None:
    """Iterations that fail without an exception have a reason, and so has their run; a forgotten await is named."""
    (tmp_path / "c.py").write_text(
        "from loadcore import Client, Scenario, iterations\n"
        "async def visitor(c: Client) -> None:\n"
        "    c.get('/items')\n"
        "    (await c.get('/items')).json('$.nothing')\n"
        "async def reader(c: Client) -> None:\n"
        "    (await c.get('/items')).json('$.other')\n"
        "shop = Scenario('shop', load=iterations(total=2), steps=visitor)\n"
        "library = Scenario('library', load=iterations(total=3), steps=reader)\n"
    )
    done = loadcore_command("run", "c.py", "--base-url", shop.url, "--progress", "none", cwd=tmp_path)
    assert done.returncode == 107, done.stderr
    for said in (
        "shop: none of 2 iterations completed: c.py:4: GET /items: nothing is at $.nothing of the response",
        "library: none of 3 iterations completed: c.py:6: GET /items: nothing is at $.other of the response",
    ):
        assert said in " ".join(done.stdout.split()), done.stdout
    assert "c.py:3: c.get(…) is not awaited, and does nothing: write await c.get(…)" in done.stderr


def test_a_declaration_while_users_run(shop: Shop, tmp_path: Path) -> None:
    """It raises, with what to write instead; the source alone would not have shown it."""

    async def broken(c: Client) -> None:
        await c.get("/items")
        getattr(loadcore, "think")("1s")  # noqa: B009 - so that no check of the source sees it

    made = loadcore.run(
        Scenario("broken", base_url=shop.url, load=iterations(total=1), steps=broken), workers=1, out=tmp_path / "run"
    )
    (raised,) = made.summary["user_code"]["exceptions"]
    assert raised["kind"] == "ScenarioError"
    assert 'think() declares a pause: inside a user write await c.think("1s")' in raised["traceback"]


def test_check_sends_each_task_once(shop: Shop, tmp_path: Path) -> None:
    """It lists the class with its weights and names, and says what its code did wrong, by line."""
    (tmp_path / "c.py").write_text(_TASKS)
    done = loadcore_command("check", "c.py", "--send", "--base-url", shop.url, cwd=tmp_path)
    assert done.returncode == 99, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "once per user:" not in lines
    shown = ["4 of 6 times", "script T.look (c.py:3) · GET /items", "script T.never (c.py:8) · GET /offers"]
    assert [line for line in shown if line not in lines] == []
    assert "✓ GET /items → 200" in done.stdout
    assert any(line.startswith("✓ memory look in ") for line in lines)
    assert lines[-2:] == ["✗ the check `it is there` does not hold", "✗ c.py:11: ZeroDivisionError: division by zero"]
    assert "c.py:6: c.think(…) is not awaited, and does nothing: write await c.think(…)" in done.stderr


_TASKS = """from loadcore import Scenario, User, task
class T(User):
    @task(4)
    async def look(self) -> None:
        self.c.check((await self.c.get("/items")).status == 404, "it is there")
        self.c.think("1s")
        async with self.c.measure("memory", "look"): pass
    @task()
    async def never(self) -> None:
        if self.c.user > 5: await self.c.get("/offers")
        1 / 0
    @task()
    async def offers(self) -> None: await self.c.get("/offers")
shop = Scenario("shop", steps=T)
"""
