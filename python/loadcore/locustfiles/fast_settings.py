"""What the pool of a `FastHttpSession` says of its connections, as the engine has it."""

from __future__ import annotations

from typing import Any

from geventhttpclient.connectionpool import ConnectionPool
from locust.contrib import fasthttp

from loadcore.locustfiles.crossing import NS, Timeouts


def verification(settings: dict[str, Any]) -> bool | None:
    """Whether certificates are verified; None: in a way that only Python's own TLS knows.

    Without `insecure`, geventhttpclient verifies chain and name, whatever made the context. With it, the context
    decides: one that verifies still refuses what no authority has signed.
    """
    factory = settings.get("ssl_context_factory")
    of_locust = (None, fasthttp.insecure_ssl_context_factory, fasthttp.gevent.ssl.create_default_context)
    if settings.get("ssl_options") or factory not in of_locust:
        return None
    if not settings.get("insecure"):
        return True
    return False if factory is fasthttp.insecure_ssl_context_factory else None


def timeouts(settings: dict[str, Any]) -> Timeouts:
    """Its timeouts: those of geventhttpclient where it has none of its own."""
    given = (
        settings.get("connection_timeout", ConnectionPool.DEFAULT_CONNECTION_TIMEOUT),
        settings.get("network_timeout", ConnectionPool.DEFAULT_NETWORK_TIMEOUT),
    )
    return Timeouts(*(int(each * NS) if each else None for each in given))
