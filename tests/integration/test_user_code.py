"""What holds for code of the user's that decides the requests: whole runs, with users that do odd things."""

from __future__ import annotations

import asyncio
import contextvars
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import loadcore
from loadcore import Client, Scenario, arrival_rate, iterations, users
from loadcore.errors import ExitCode
from tests.integration.busy import exit_codes, reasons
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadcore.results.open.run import Run
    from loadcore.scenario.step import Script

_mark = contextvars.ContextVar("mark", default="unset")


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target for all tests."""
    with counting_target() as listening:
        yield listening


def once(script: Script, target: Target, out: Path, **options: object) -> Run:
    """A run of one iteration by one user."""
    shop = Scenario("shop", base_url=target.url, load=iterations(total=1), steps=script)
    return loadcore.run(shop, out=out, workers=1, **options)  # type: ignore[arg-type]


async def awaits_in_every_way(c: Client) -> None:
    """Requests are futures and coroutines."""
    first = c.get("/once")
    c.check((await first).status == 200 and (await first).status == 200, "awaited twice")
    both = await asyncio.gather(c.get("/a"), c.get("/b"))
    c.check([each.status for each in both] == [200, 200], "gather")
    three = await c.gather(c.get("/a"), c.get("/b"), c.get("/c"))
    c.check(len(three) == 3, "c.gather")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(c.get(path)) for path in ("/a", "/b")]
    c.check([task.result().status for task in tasks] == [200, 200], "TaskGroup")
    c.check((await asyncio.wait_for(c.get("/a"), 60)).status == 200, "wait_for")
    done, _ = await asyncio.wait([asyncio.create_task(c.get(path)) for path in ("/a", "/b")])
    c.check(len(done) == 2, "wait")
    try:
        async with asyncio.timeout(0.1):
            await c.get("/hang")
    except TimeoutError:
        c.check(True, "timeout")
    shielded = c.get(f"/held/{c.user}")
    try:
        await asyncio.wait_for(asyncio.shield(shielded), 0.1)
    except TimeoutError:
        await c.get(f"/release/{c.user}")
        c.check((await shielded).status == 200, "shield")
    c.check(await asyncio.to_thread(lambda: 7) == 7, "to_thread")
    _mark.set(f"user {c.user}")
    await c.get("/a")
    c.check(_mark.get() == f"user {c.user}", "context")
    current = asyncio.current_task()
    c.check(current is not None and current.get_name() == f"user {c.user}", "current_task")


def test_requests_are_awaited_in_every_way(target: Target, tmp_path: Path) -> None:
    """gather, TaskGroup, timeout, shield work on requests; what a timeout cuts off has a row that says so."""
    run = once(awaits_in_every_way, target, tmp_path / "run")
    checks = {check["name"]: (check["evaluated"], check["failed"]) for check in run.summary["checks"]}
    names = "awaited twice|gather|c.gather|TaskGroup|wait_for|wait|timeout|shield|to_thread|context|current_task"
    assert checks == dict.fromkeys(names.split("|"), (1, 0))
    outcomes = {row["step"]: row["outcome"] for row in run.requests.to_pylist()}
    assert outcomes.pop("GET /hang") == "interrupted"
    assert set(outcomes.values()) == {"ok"}
    assert exit_codes(run) == []


async def raises(c: Client) -> None:
    """Has a fault of its own."""
    await c.get("/items")
    print("about to look")  # noqa: T201 - what is tested
    dict[str, int]()["missing"]


async def raises_seldom(c: Client) -> None:
    """Has a fault of its own in the first iteration of each user."""
    await c.get("/items")
    if "been_here" not in c.state:
        c.state["been_here"] = True
        dict[str, int]()["missing"]


def test_a_script_that_raises_sometimes_is_not_a_pass(target: Target, tmp_path: Path) -> None:
    """Most iterations complete, and the code has a fault all the same: 99, with type and line."""
    shop = Scenario("shop", base_url=target.url, load=iterations(each=5, users=2), steps=raises_seldom)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1)
    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    assert re.fullmatch(r"users raised KeyError at test_user_code.py:\d+ \(2 times\)", reasons(run)[-1])
    assert not any("raised" in note for note in run.summary["verdict"]["notes"])


def test_a_script_that_always_raises_fails_the_run(target: Target, tmp_path: Path) -> None:
    """All iterations raise: 107 with type and line, the first traceback and what was printed, and no hot loop."""
    shop = Scenario("shop", base_url=target.url, load=users(2, duration="1500ms"), steps=raises)
    said: list[str] = []
    run = loadcore.run(shop, out=tmp_path / "run", workers=1, listeners=[_Heard(said)])
    assert exit_codes(run) == [ExitCode.SCENARIO_RAISED]
    (exception,) = run.summary["user_code"]["exceptions"]
    place = exception["place"]
    assert place.startswith("test_user_code.py:")
    assert (exception["kind"], exception["at_fault"], exception["printed"][-1]) == ("KeyError", 0, "about to look")
    assert "KeyError: 'missing'" in exception["traceback"]
    count = exception["count"]
    assert reasons(run) == [f"shop: none of {count} iterations completed: KeyError at {place} ({count} times)"]
    assert 2 <= exception["count"] <= 4
    assert "worker 0: about to look" in said


async def names_things_late(c: Client) -> None:
    """Makes names of steps and checks after the first rows have been written."""
    await c.get("/items")
    c.check(True, "early")
    await c.sleep("1300ms")
    await c.get("/late")
    c.check(True, "late")
    async with c.measure("file", "read"):
        await c.sleep("1ms")


def test_names_that_come_late(target: Target, tmp_path: Path) -> None:
    """Names that are met after the first batches are in the rows and windows of the same files, which are whole."""
    run = once(names_things_late, target, tmp_path / "run")
    assert [row["step"] for row in run.requests.to_pylist()] == ["GET /items", "GET /late", "file read"]
    assert {check["name"] for check in run.summary["checks"]} == {"early", "late"}
    assert {row["name"] for row in run.windows.to_pylist() if row["kind"] == "step"} >= {"GET /late", "file read"}
    assert (run.verify(), len(list((tmp_path / "run").glob("requests-*.arrow")))) == ([], 1)


async def puts_ids_into_names(c: Client) -> None:
    """Makes a name of every id."""
    for number in range(510):
        await c.get(f"/items/{number}")


def test_too_many_names_are_folded_and_said(target: Target, tmp_path: Path) -> None:
    """Beyond 500 names, requests are counted by pattern, and the verdict says so."""
    run = once(puts_ids_into_names, target, tmp_path / "run")
    steps = {step["name"]: step["requests"] for step in run.summary["steps"]}
    assert (len(steps), steps["GET /items/*"]) == (501, 10)
    assert any("are counted by pattern, such as GET /items/*" in note for note in run.verdict["notes"])


async def aborts(c: Client) -> None:
    """Has seen enough."""
    await c.get("/items")
    c.abort("enough seen")


def test_a_script_ends_the_run(target: Target, tmp_path: Path) -> None:
    """An abort ends the run with 108 and its reason, at once."""
    shop = Scenario("shop", base_url=target.url, load=users(2, duration="1m"), steps=aborts)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1)
    assert exit_codes(run)[0] == ExitCode.ABORTED
    assert reasons(run)[0] == "the scenario ended the run: enough seen"
    assert run.summary["duration_s"] < 20


async def is_cut_off(c: Client) -> None:
    """Waits for ever, and logs out."""
    try:
        await c.get("/hang")
    finally:
        await c.get("/logout")


async def swallows(c: Client) -> None:
    """Never gives up."""
    while True:
        try:
            await c.get("/hang")
        except asyncio.CancelledError:
            continue


def test_the_end_of_a_run_cuts_iterations_short(target: Target, tmp_path: Path) -> None:
    """What hangs is interrupted after the grace; `finally` still sends, in the ramp-down; who swallows it is named."""
    said: list[str] = []
    shops = [
        Scenario(script.__name__, base_url=target.url, load=users(1, duration="2s"), steps=script)
        for script in (is_cut_off, swallows)
    ]
    before = target.count()
    run = loadcore.run(shops, out=tmp_path / "run", workers=1, graceful_stop="200ms", listeners=[_Heard(said)])
    rows = {row["step"]: row for row in run.requests.to_pylist() if row["scenario"] == "is_cut_off"}
    assert (rows["GET /hang"]["outcome"], rows["GET /hang"]["error"]) == ("interrupted", False)
    assert (rows["GET /logout"]["outcome"], rows["GET /logout"]["phase"]) == ("ok", "ramp_down")
    assert target.count()["/logout"] - before.get("/logout", 0) == 1
    interrupted = {each["name"]: each["iterations"]["interrupted"] for each in run.summary["load"]["scenarios"]}
    assert interrupted == {"is_cut_off": 1, "swallows": 1}
    line = swallows.__code__.co_firstlineno + 4
    where = f'test_user_code.py:{line} (await c.get("/hang"))'
    assert f"worker 0: user 0 swallows CancelledError at {where}, and was dropped: raise it again" in said
    assert run.summary["duration_s"] < 60


async def blocks(c: Client) -> None:
    """Holds all users up."""
    await c.get("/items")
    time.sleep(0.2)  # noqa: ASYNC251 - what is tested


def test_a_blocking_call_is_named(target: Target, tmp_path: Path) -> None:
    """Code that blocks the loop is named with its line, and script lag is in rows, windows and summary."""
    shop = Scenario("shop", base_url=target.url, load=arrival_rate("20/s", duration="1s", max_users=9), steps=blocks)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1)
    told = run.summary["user_code"]
    blocked = max(told["blocked"], key=lambda each: each["longest_ms"])
    assert blocked["source"].startswith("time.sleep(0.2)")
    assert blocked["longest_ms"] >= 150
    lags = [row["script_lag_ns"] for row in run.requests.to_pylist()]
    assert (told["script_lag"]["max_ns"] or 0) > 100e6
    # Whatever all of them waited for, the first did not wait for others.
    assert max(lags) - min(lags) > 100e6
    assert not blocked["computes"]
    named = run.summary["bottleneck"]
    assert (named["subject"], named["rule"]) == ("script", "script")
    assert blocked["place"] in named["message"]


_BLOCKS_FOR_EVER = """
import time

from loadcore import Client, Scenario, users


async def stuck(c: Client) -> None:
    await c.get("/items")
    await c.sleep("1200ms")
    await c.get("/late")
    await c.sleep("1200ms")
    print("stuck", flush=True)
    time.sleep(600)


shop = Scenario("shop", base_url={url!r}, load=users(1, duration="10m"), steps=stuck)
"""


def test_a_killed_supervisor_takes_a_blocked_worker_along(target: Target, tmp_path: Path) -> None:
    """The supervisor gets kill -9 while a user blocks the loop: the worker goes, and its rows have names."""
    (tmp_path / "stuck.py").write_text(_BLOCKS_FOR_EVER.format(url=target.url), encoding="utf-8")
    command = [sys.executable, "-m", "loadcore", "run", "stuck.py", "--workers", "1", "--out", "run"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.strip() == "worker 0: stuck":
                break
        deadline = time.monotonic() + 60
        while loadcore.load(tmp_path / "run").requests.num_rows < 2:
            assert time.monotonic() < deadline, "what was answered is written while a user blocks the loop"
            time.sleep(0.05)
        workers = psutil.Process(run.pid).children(recursive=True)
        assert workers
        run.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert alive == []
    result = loadcore.load(tmp_path / "run")
    assert result.truncated
    assert [row["step"] for row in result.requests.to_pylist()] == ["GET /items", "GET /late"]


class _Heard:
    """Keeps messages."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def on_message(self, text: str) -> None:
        """A message came."""
        self._said.append(text)


class _Own(BaseException):
    """An exception that no `except Exception` catches."""


async def raises_what_ends_processes(c: Client) -> None:
    """Raises by itself what would end a task, a loop or a process."""
    await c.get("/items")
    raise (KeyboardInterrupt, asyncio.CancelledError, _Own, SystemExit)[c.iteration % 4]


async def raises_in_the_background(c: Client) -> None:
    """Has tasks of its own that raise, and awaits none."""

    async def raises_later() -> None:
        await c.sleep("1ms")
        raise LookupError

    async def exits() -> None:
        sys.exit(3)

    tasks = [asyncio.create_task(raises_later()), asyncio.create_task(exits())]
    await c.get("/items")
    await c.sleep("50ms")
    tasks.clear()


def test_no_exception_of_the_users_ends_them_or_is_lost(target: Target, tmp_path: Path) -> None:
    """What would end a task, the loop or the process is counted, with its line; users continue to their last turn."""
    shops = [
        Scenario(script.__name__, base_url=target.url, load=iterations(each=4, users=2), steps=script)
        for script in (raises_what_ends_processes, raises_in_the_background)
    ]
    before = target.count().get("/items", 0)
    run = loadcore.run(shops, out=tmp_path / "run", workers=1)
    assert target.count()["/items"] - before == run.requests.num_rows == 16
    raised = {each["kind"]: each["count"] for each in run.summary["user_code"]["exceptions"]}
    # Two lines exit: that of users, and that of their tasks.
    assert raised.pop("SystemExit") in {2, 8}
    assert raised == {"KeyboardInterrupt": 2, "CancelledError": 2, "_Own": 2, "LookupError": 8}
    assert all(each["place"].startswith("test_user_code.py:") for each in run.summary["user_code"]["exceptions"])
    ended = {each["name"]: each["iterations"] for each in run.summary["load"]["scenarios"]}
    assert ended["raises_what_ends_processes"]["failed"] == 8
    assert ended["raises_in_the_background"]["completed"] == 8
    assert exit_codes(run) == [ExitCode.SCENARIO_RAISED]


async def never_ends(c: Client) -> None:
    """Goes round without awaiting anything."""
    await c.get("/items")
    while True:
        pass


def test_a_loop_that_awaits_nothing_is_named(target: Target, tmp_path: Path) -> None:
    """A worker whose code does not end is ended, and the run fails: 107 with the line that held up all users."""
    said: list[str] = []
    shop = Scenario("shop", base_url=target.url, load=users(1, duration="1s"), steps=never_ends)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1, graceful_stop="2s", listeners=[_Heard(said)])
    line = never_ends.__code__.co_firstlineno
    named = rf"test_user_code\.py:({line + 3} \(while True:\)|{line + 4} \(pass\))"
    assert exit_codes(run)[0] == ExitCode.SCENARIO_RAISED
    assert re.fullmatch(
        rf"the code of the users of worker 0 did not end, and was ended: {named} held up all of them", reasons(run)[0]
    )
    (blocked,) = run.summary["user_code"]["blocked"]
    assert blocked["place"] in {f"test_user_code.py:{line + 3}", f"test_user_code.py:{line + 4}"}
    assert [line for line in said if re.search(rf"held up for 2 s, and still are, at {named}: ", line)]


async def reads_too_early(c: Client) -> None:
    """Forgets an await, and reads."""
    r: Any = c.get("/items")
    c.check(repr(r) == "<GET /items, not awaited>", "shown")
    for name in ("status", "ok", "error", "text", "headers"):
        try:
            getattr(r, name)
        except RuntimeError as error:
            wanted = "GET /items was read before it had a response: write await before the request"
            c.check(str(error) == wanted, "told")
    r.json()


async def forgets(c: Client) -> None:
    """Forgets an await."""
    c.get("/items")  # type: ignore[unused-coroutine]


def test_what_was_not_awaited_cannot_be_read(target: Target, tmp_path: Path) -> None:
    """Reading it raises, and says what to write."""
    run = once(reads_too_early, target, tmp_path / "run")
    checks = {check["name"]: (check["evaluated"], check["failed"]) for check in run.summary["checks"]}
    assert checks == {"shown": (1, 0), "told": (5, 0)}
    assert [each["kind"] for each in run.summary["user_code"]["exceptions"]] == ["RuntimeError"]


def test_requests_that_are_never_awaited_are_named(target: Target, tmp_path: Path) -> None:
    """Once by each worker, and by the verdict."""
    said: list[str] = []
    shop = Scenario("shop", base_url=target.url, load=iterations(each=3, users=3), steps=forgets)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1, listeners=[_Heard(said)])
    assert exit_codes(run)[0] == ExitCode.NO_DATA
    wanted = "none of 9 requests was sent, since they were never awaited (GET /items): write await before each"
    assert wanted in reasons(run)
    assert len([line for line in said if "was made and never awaited" in line]) == 1


async def cannot_log_in(c: Client) -> None:
    """Expects what the target does not send."""
    (await c.get("/items")).json("$.access_token")


def test_why_no_user_came_to_an_iteration(target: Target, tmp_path: Path) -> None:
    """The verdict names what ended the start of all users."""
    shop = Scenario("shop", base_url=target.url, load=users(3, duration="10s"), on_start=cannot_log_in, steps=forgets)
    run = loadcore.run(shop, out=tmp_path / "run", workers=1)
    assert exit_codes(run)[0] == ExitCode.NO_DATA
    line = cannot_log_in.__code__.co_firstlineno + 2
    wanted = f"shop: 3 users failed to start, and made no iteration: test_user_code.py:{line}: GET /items: "
    assert any(reason.startswith(wanted) for reason in reasons(run))
