"""Users in Python that read responses while they come: what they saw is what rows and a real server say."""

from __future__ import annotations

import asyncio
import resource
import time
from typing import TYPE_CHECKING, Any

import pytest

import loadcore
from loadcore import Client, Http, Timeouts
from loadcore.scripting.failures import NoResponse, UnexpectedStatus
from tests.integration.streaming_target import facts, streaming_target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

_DEADLINE_S = 90


@pytest.fixture
def url() -> Iterator[str]:
    """A target of its own."""
    with streaming_target() as listening:
        yield listening


def run(source: str, url: str, folder: Path, **changes: Any) -> Any:
    """A run of one user with this body, by one worker."""
    lines = "".join(f"    {line}\n" for line in source.strip().splitlines())
    (folder / "shop.py").write_text(
        "import asyncio\n\nfrom loadcore import Client, Scenario, iterations, users\n\n\n"
        f"async def visitor(c: Client) -> None:\n{lines}\n\n"
        f'shop = Scenario("shop", load=iterations(each=1, users=1), steps=visitor)\n'
    )
    return loadcore.run(str(folder / "shop.py"), base_url=url, out=folder / "run", workers=1, **changes)


def alone(url: str, user: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    """Does something with a client that has no run around it."""

    async def open_it() -> None:
        async with asyncio.timeout(_DEADLINE_S), Client(base_url=url, **settings) as c:
            await user(c)

    asyncio.run(open_it())


def rows(made: Any) -> list[tuple[Any, ...]]:
    """What became of each request."""
    names = ("step", "outcome", "error", "status")
    return list(zip(*(made.requests[name].to_pylist() for name in names), strict=True))


def wait_for(what: str, url: str, path: str, count: int) -> None:
    """Waits until the target has counted this number."""
    until = time.monotonic() + _DEADLINE_S
    while facts(url, path)[what] < count:
        assert time.monotonic() < until, facts(url, path)
        time.sleep(0.02)


async def _everything(c: Client) -> None:
    async with c.stream("GET", "/few") as s:
        assert (s.status, s.ok, s.error, s.headers["content-type"]) == (200, True, None, "text/event-stream")
        seen = [(event.event, event.data, event.id) async for event in s]
        assert seen == [("message", "1", "1"), ("message", "2", "2"), ("message", "3", "3")]
    assert s.error is None
    assert s.ttft is not None
    assert s.stall is not None
    assert s.ttft >= s.ttfb > "0ms"
    async with c.stream("GET", "/few") as s:
        assert [line async for line in s.lines()][:3] == ["id: 1", "data: 1", ""]
    for coding in ("gzip", "br", "zstd"):
        async with c.stream("GET", f"/{coding}") as s:
            assert [event.json() async for event in s] == [1, 2, 3]
        whole = await c.get(f"/{coding}")
        assert whole.text == "".join(f"id: {n}\ndata: {n}\n\n" for n in (1, 2, 3))
    async with c.stream("GET", "/few") as s:
        assert b"".join([chunk async for chunk in s.chunks()]).startswith(b"id: 1\ndata: 1\n\n")
    async with c.stream("GET", "/until-close") as s:
        assert [line async for line in s.lines()] == ["first", "second"]
    async with c.stream("GET", "/whole") as s:
        assert await s.text() == "whole"
    async with c.stream("GET", "/moved") as s:
        assert s.url.endswith("/few")
        assert len([event async for event in s]) == 3
    for method, path in (("HEAD", "/few"), ("GET", "/empty")):
        async with c.stream(method, path) as s:
            assert await s.text() == ""
        assert s.ok


def test_every_way_to_read(url: str) -> None:
    """Events, lines, chunks and text of bodies of every framing; and a redirect before one."""
    alone(url, _everything)


def test_faults_are_values(url: str) -> None:
    """What came before a server broke off can be read, what never arrived cannot; a status does not fail reading."""

    async def read(c: Client) -> None:
        async with c.stream("GET", "/broken") as s:
            assert [event.data async for event in s] == ["1", "2"]
        assert (s.status, s.ok, s.error) == (200, False, "closed_in_body")
        with pytest.raises(NoResponse, match="GET /broken: no complete response: closed_in_body"):
            s.raise_for_error()
        async with c.stream("GET", "http://127.0.0.1:1/") as s:
            assert (s.status, s.ok, s.error) == (0, False, "connect_refused")
            with pytest.raises(NoResponse, match="no response: connect_refused"):
                await s.text()
        async with c.stream("GET", "/busy") as s:
            with pytest.raises(UnexpectedStatus, match="the status is 503"):
                s.raise_for_error()
            assert s.error is None

    alone(url, read)


def test_two_readers_of_one_stream(url: str) -> None:
    """Each piece goes to one of them, and neither waits for ever."""

    async def both(c: Client) -> None:
        async with c.stream("GET", "/few") as s:

            async def read() -> int:
                return sum([len(chunk) async for chunk in s.chunks()])

            sizes = await asyncio.wait_for(asyncio.gather(read(), read()), _DEADLINE_S)
            assert sum(sizes) == len("id: 1\ndata: 1\n\n") * 3

    alone(url, both)


def test_a_time_for_each_piece(url: str) -> None:
    """A server that falls silent within a stream has timed out, though the stream may last longer than that time."""

    async def read(c: Client) -> None:
        async with c.stream("GET", "/silent") as s:
            assert [event.data async for event in s] == ["1"]
        assert s.error == "timeout_body"
        async with c.stream("GET", "/endless") as s:
            async for event in s:
                if event.at > "3s":
                    break
        assert s.error is None

    alone(url, read, http=Http(timeouts=Timeouts(total="2s")))


def test_an_endless_stream_is_cut(url: str, tmp_path: Path) -> None:
    """Leaving the block closes the stream, whichever way: the server sees that, and the row says `cut`: no error."""
    made = run(
        """
async with c.stream("GET", "/endless") as s:
    async for event in s:
        if event.data == "5":
            break
c.check(s.error is None and s.ok, "cut by a break")
try:
    async with asyncio.timeout(None) as limit, c.stream("GET", "/endless", name="timed") as s:
        async for line in s.lines():
            if limit.when() is None:
                limit.reschedule(asyncio.get_running_loop().time() + 0.2)
except TimeoutError:
    c.check(True, "cut by a timeout")
async with c.stream("GET", "/busy") as s:
    c.check(s.status == 503, "a status")
async with c.stream("GET", "/busy", name="expected", expect=503) as s:
    pass
c.check((await c.get("/whole")).ok, "the user continues")
""",
        url,
        tmp_path,
    )
    assert rows(made) == [
        ("GET /endless", "cut", False, 200),
        ("timed", "cut", False, 200),
        ("GET /busy", "cut", True, 503),
        ("expected", "cut", False, 503),
        ("GET /whole", "ok", False, 200),
    ]
    assert [(each["evaluated"], each["failed"]) for each in made.summary["checks"]] == [(1, 0)] * 4
    wait_for("left", url, "/endless", 2)
    wait_for("left", url, "/busy", 2)
    totals = [sum(each[name] for each in made.summary["steps"]) for name in ("requests", "errors", "unanswered")]
    assert totals == [5, 1, 0]


def test_a_broken_stream_is_an_error(url: str, tmp_path: Path) -> None:
    """Its row says how it broke."""
    made = run(
        """
async with c.stream("GET", "/broken") as s:
    c.check(len([each async for each in s]) == 2, "what came")
c.check(s.error == "closed_in_body", "how it ended")
""",
        url,
        tmp_path,
    )
    assert rows(made) == [("GET /broken", "closed_in_body", True, 200)]
    assert [each["failed"] for each in made.summary["checks"]] == [0, 0]


def test_the_end_of_a_run_finds_a_stream_open(url: str, tmp_path: Path) -> None:
    """Its row says `interrupted`, and is not an error; the connection is closed."""
    made = run(
        """
async with c.stream("GET", "/endless") as s:
    async for event in s:
        pass
""",
        url,
        tmp_path,
        users=2,
        duration="3s",
        graceful_stop="200ms",
    )
    assert rows(made) == [("GET /endless", "interrupted", False, 200)] * 2
    wait_for("left", url, "/endless", 2)


def test_a_slow_reader_fills_no_memory(url: str) -> None:
    """The server has to wait: of 64 MiB no more is sent than the windows of engine and sockets hold."""

    async def read(c: Client) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with c.stream("GET", "/big") as s:
            reading = s.chunks()
            first = await anext(reading)
            until = time.monotonic() + _DEADLINE_S
            sent = -1
            while sent != (sent := facts(url, "/big")["sent"]):
                assert time.monotonic() < until
                await asyncio.sleep(0.3)
            assert sent < 48 << 20, sent
            rest = sum([len(chunk) async for chunk in reading])
            assert len(first) + rest == 64 << 20
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 32 << 10, grown_kib

    alone(url, read)
