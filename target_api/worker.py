"""One worker process of the gateway: uvicorn on a socket that the supervisor opened.

The modules are loaded first. Then the supervisor writes one JSON line to standard input and keeps the pipe open; when
it closes, the supervisor is gone and the worker stops. The worker answers on standard output with one line, `ready` and
the number of users it made, when it accepts requests.
"""

import asyncio
import json
import logging
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from loadcore_target.app import create_app
from loadcore_target.child_server import ChildServer
from loadcore_target.connection import ConnectionProtocol
from loadcore_target.observe.logs import configure_logging
from loadcore_target.services import Place
from loadcore_target.settings import Settings
from loadcore_target.store.open import open_database
from loadcore_target.store.seed import seed

_ACCEPTS_PER_TURN = 16
"""uvloop takes one connection from a listening socket in each turn of its loop, so that on a busy machine new users
wait in a queue that no metric shows; from duplicates of the socket it takes one each."""


def _process_ids(folder: Path) -> list[int]:
    try:
        return [int(text) for text in (folder / "workers").read_text().split()]
    except FileNotFoundError:
        return [os.getpid()]


async def _seed(settings: Settings) -> int:
    database = open_database(settings, settings.data_dir)
    try:
        return await seed(database, settings)
    finally:
        await database.close()


def _read_line(descriptor: int) -> bytes:
    """One line, byte by byte at its end, so that nothing after it is swallowed by a buffer."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(descriptor, 65536)
        if not part:
            break
        line += part
    return line


def main() -> None:
    """Serves until SIGTERM, or until standard input ends."""
    order: dict[str, Any] = json.loads(_read_line(0))
    settings = Settings.model_validate(order["settings"])
    folder = Path(order["folder"])
    configure_logging(settings)
    place = Place(worker=order["worker"], folder=folder, process_ids=lambda: _process_ids(folder))
    app = create_app(settings, place)
    made = asyncio.run(_seed(settings)) if order["seed"] else 0
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(ConnectionProtocol, head_timeout_s=settings.head_timeout_s),  # type: ignore[arg-type]
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=settings.backlog,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.graceful_s,
        limit_concurrency=settings.limit_concurrency or None,
        # Else every program on this machine could choose the address that limits and upstreams see.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )
    server = ChildServer(config, f"ready {made}")
    listener = socket.socket(fileno=order["listener"])
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener, *(listener.dup() for _ in range(_ACCEPTS_PER_TURN - 1))]))
    logging.shutdown()


if __name__ == "__main__":
    main()
