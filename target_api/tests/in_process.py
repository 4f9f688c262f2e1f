"""An application asked without a server: one ASGI call for each request."""

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.types import Message

from loadcore_target.tests.running import Answer


async def ask(app: FastAPI, method: str, path: str, form: Mapping[str, str] | None = None, token: str = "") -> Answer:
    """The answer to one request; the application's lifespan must have begun."""
    headers = [(b"content-type", b"application/x-www-form-urlencoded")] if form else []
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": urlencode(form or {}).encode(), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], named, b"".join(message.get("body", b"") for message in sent))
