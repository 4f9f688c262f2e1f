"""Streams, downloads, echo, WebSocket."""

import asyncio
import gzip
import json

import aiohttp
import pytest

from loadcore_target.tests.running import RunningGateway


def test_events_are_numbered_and_complete(gateway: RunningGateway) -> None:
    """An event stream has as many events as asked for, in order, each in the format of the standard."""
    answer = gateway.ask("GET", "/stream/sse?count=5&interval=5ms&size=10")
    events = answer.body.decode().removesuffix("\n\n").split("\n\n")
    numbers = [json.loads(event.split("data: ")[1])["number"] for event in events]

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert numbers == [1, 2, 3, 4, 5]
    assert all(event.startswith(f"id: {number}\nevent: tick\n") for number, event in zip(numbers, events, strict=True))


@pytest.mark.parametrize("query", ["interval=5", "interval=2h", "count=0"])
def test_event_streams_that_cannot_be(gateway: RunningGateway, query: str) -> None:
    """A bare number, a pause of hours and a stream without events are refused."""
    assert gateway.ask("GET", f"/stream/sse?{query}").status == 422


@pytest.mark.parametrize("size", [0, 1, 255, 65536, 65537, 1_000_003])
@pytest.mark.parametrize("chunked", [False, True])
def test_downloads_have_exactly_that_size(gateway: RunningGateway, size: int, chunked: bool) -> None:
    """Byte number i is i modulo 256, with a length or chunked."""
    answer = gateway.ask("GET", f"/bytes/{size}?chunked={str(chunked).lower()}")

    assert answer.body == (bytes(range(256)) * (size // 256 + 1))[:size]
    assert answer.headers.get("content-length") == (None if chunked else str(size))


def test_a_download_can_be_compressed(gateway: RunningGateway) -> None:
    """Compressed when asked for and accepted, and not otherwise."""
    headers = {"Accept-Encoding": "gzip"}
    packed = gateway.ask("GET", "/bytes/5000?compress=true", headers=headers)
    plain = gateway.ask("GET", "/bytes/5000", headers=headers)

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in plain.headers


def test_too_large_is_said(gateway: RunningGateway) -> None:
    """A download or an upload over the limit is 413."""
    assert gateway.ask("GET", f"/bytes/{1 << 40}").status == 413
    assert gateway.ask("POST", "/echo", b"x" * ((1 << 20) + 1)).status == 413


@pytest.mark.parametrize("size", [0, 1, 1 << 20])
def test_echo_gives_back_what_came(gateway: RunningGateway, size: int) -> None:
    """Body and content type come back as they were."""
    answer = gateway.ask("POST", "/echo", b"\xff" * size, {"Content-Type": "image/png"})

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\xff" * size, "image/png")


def test_websocket_echoes_and_is_counted(gateway: RunningGateway) -> None:
    """Text comes back as text and bytes as bytes, and the connection is one request of its route."""

    async def talk() -> tuple[str, bytes]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{gateway.url}/stream/ws") as socket,
        ):
            await socket.send_str("héllo")
            text = await socket.receive_str()
            await socket.send_bytes(b"\x00\xff")
            return text, await socket.receive_bytes()

    before = gateway.truth()["routes"]["WS /stream/ws"]

    assert asyncio.run(talk()) == ("héllo", b"\x00\xff")
    assert gateway.truth()["routes"]["WS /stream/ws"] == before + 1
