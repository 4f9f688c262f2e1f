"""Serving an application to tests: `with serve(app) as base_url`."""

from __future__ import annotations

import inspect
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loadcore.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHIN_S = 30.0
_LOOK_S = 0.01
_STOPS_WITHIN_S = 5


@contextmanager
def serve(app: Any) -> Iterator[str]:  # noqa: ANN401 - any ASGI application
    """Serve an ASGI application on a free port of 127.0.0.1, in a thread, for as long as the block runs.

    with serve(app) as base_url:
        run = loadcore.run(scenario, base_url=base_url)

    Its start-up and shutdown events run. The thread shares this process' interpreter: to find out how much load the
    application takes, start it as it is deployed.

    Args:
        app: The application, of FastAPI, Starlette, Django, or any other framework that has one.

    Raises:
        UsageError: It is not an ASGI application, or uvicorn is not installed.
        RunError: The application did not start.
    """
    _require_asgi(app)
    try:
        import uvicorn  # noqa: PLC0415 - of an extra
    except ImportError:
        from loadcore.wording.extras import install_command  # noqa: PLC0415 - slow to import

        hint = f"install what it needs: {install_command('testing')}"
        raise UsageError("serving an application needs uvicorn", hint=hint) from None
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=_STOPS_WITHIN_S)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="served application")
        thread.start()
        try:
            _wait_for(server, thread)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _require_asgi(app: Any) -> None:  # noqa: ANN401 - anything that a test may hand over
    """Refuse what would start, and then answer every request with an error."""
    if not (callable(app) or isinstance(app, str)):
        hint = 'hand over the application itself, or where it is: "shop.main:app"'
        raise UsageError(f"expected an ASGI application, got {app!r:.60}", hint=hint)
    called = app if inspect.isroutine(app) else getattr(app, "__call__", app)  # noqa: B004 - its signature is wanted
    try:
        names = [*inspect.signature(called).parameters]
    except (TypeError, ValueError):
        return
    if names[:2] == ["environ", "start_response"]:
        hint = "wrap it: a2wsgi.WSGIMiddleware(app)"
        raise UsageError(f"expected an ASGI application, got one of WSGI: {app!r:.60}", hint=hint)


def _wait_for(server: Any, thread: threading.Thread) -> None:  # noqa: ANN401 - uvicorn may be missing
    until = time.monotonic() + _WITHIN_S
    while not server.started:
        if not thread.is_alive():
            raise RunError("the application did not start", hint="see its log above; its start-up event failed")
        if time.monotonic() > until:
            raise RunError(f"the application did not start within {_WITHIN_S:.0f} s")
        time.sleep(_LOOK_S)
