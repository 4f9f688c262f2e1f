"""Connections of urllib3 that are the engine's: `requests` does all it does, and the ring carries its messages."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, cast

import gevent
from locust import clients
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from loadcore.locustfiles import outcomes
from loadcore.locustfiles.crossing import NS, Timeouts, Wish
from loadcore.locustfiles.measured_call import current
from loadcore.locustfiles.prepared import NAME_OF_A_HEADER, without_ours
from loadcore.locustfiles.requests_response import as_streamed_urllib3, as_urllib3, broken_off

if TYPE_CHECKING:
    from loadcore.locustfiles.crossing import Answer, StreamedAnswer

_WITHOUT_LENGTH = frozenset({"GET", "HEAD"})
_OWN_TLS = ("cert_file", "key_file", "ca_cert_dir", "assert_hostname", "assert_fingerprint", "ssl_version")
_CONTEXT_OF_LOCUST = getattr(clients, "_preloaded_ssl_context", None)
"""It has the usual authorities, and later versions of Locust share it between sessions."""


class _OverTheRing:
    """What a pool of the ring does in place of writing to a socket of its own."""

    scheme: str
    host: str
    port: int | None

    def _make_request(self, conn: Any, method: str, url: str, **options: Any) -> Any:
        call = current.get()
        if call is None or not self._is_for_the_engine():
            return super()._make_request(conn, method, url, **options)  # type: ignore[misc]
        fields = [_text(header) for header in (options.get("headers") or {}).items()]
        if not all(NAME_OF_A_HEADER.fullmatch(name) for name, _ in fields):
            # `requests` sends names that HTTP does not have.
            return super()._make_request(conn, method, url, **options)  # type: ignore[misc]
        timeout, body = options.get("timeout"), _read(method, options.get("body"))
        # Redirects are counted under the name of the request that they answer.
        call.name = call.name or url
        wish = Wish(
            name=call.name,
            method=method,
            url=f"{self.scheme}://{_authority(self.host, self.port, self.scheme)}{url}",
            headers=without_ours(fields),
            body=body,
            timeouts=Timeouts(*(_ns(getattr(timeout, f"{part}_timeout", None)) for part in ("connect", "read"))),
            hold=call.hold,
            verify=self._verifies(),
            streams=call.is_streamed,
        )
        answer = call.send(wish)
        if answer.outcome is not None and not answer.status:
            self._raise(conn, url, answer, timeout)
        if call.is_streamed:
            return as_streamed_urllib3(call.calls, cast("StreamedAnswer", answer), method, url)
        return as_urllib3(answer, method, url)

    def _is_for_the_engine(self) -> bool:
        """Whether the engine can do it: not over a proxy, and not with TLS settings that are the file's own."""
        of_connections: dict[str, Any] = getattr(self, "conn_kw", {})
        return (
            getattr(self, "proxy", None) is None
            and getattr(self, "ca_certs", None) in (None, DEFAULT_CA_BUNDLE_PATH)
            and of_connections.get("ssl_context") in (None, _CONTEXT_OF_LOCUST)
            and not any(getattr(self, name, None) for name in _OWN_TLS)
            and not any(of_connections.get(name) for name in ("ca_cert_data", "server_hostname"))
        )

    def _verifies(self) -> bool:
        return self.scheme != "https" or getattr(self, "cert_reqs", None) not in ("CERT_NONE", 0)

    def _raise(self, conn: Any, url: str, answer: Answer, timeout: Any) -> None:
        """Raise what urllib3 would have raised here."""
        outcome = answer.outcome or ""
        if outcome == outcomes.INTERRUPTED:
            raise gevent.GreenletExit
        cause = outcomes.cause_of(outcome)
        if outcome in outcomes.CONNECT_TIMED_OUT:
            message = (
                f"Connection to {self.host} timed out. (connect timeout={getattr(timeout, 'connect_timeout', None)})"
            )
            raise ConnectTimeoutError(conn, message) from cause
        if outcome in outcomes.TIMED_OUT:
            message = f"Read timed out. (read timeout={getattr(timeout, 'read_timeout', None)})"
            raise ReadTimeoutError(self, url, message) from cause
        if outcome in outcomes.CUT_OFF:
            raise broken_off() from cause
        if outcome.startswith("dns"):
            raise_with(NameResolutionError(self.host, conn, cause), cause)
        if outcome.startswith("connect"):
            raise_with(NewConnectionError(conn, f"Failed to establish a new connection: {cause}"), cause)
        raise cause


class RingPool(_OverTheRing, HTTPConnectionPool):
    """Connections to an `http` origin."""


class SecureRingPool(_OverTheRing, HTTPSConnectionPool):
    """Connections to an `https` origin."""


# Its messages name the class, and Locust's statistics have an entry for each message.
RingPool.__name__, SecureRingPool.__name__ = HTTPConnectionPool.__name__, HTTPSConnectionPool.__name__


class RingPoolManager(PoolManager):
    """In place of the pool manager of an adapter. What the engine cannot do goes over sockets of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pool_classes_by_scheme = {"http": RingPool, "https": SecureRingPool}


def raise_with(error: Exception, cause: Exception) -> None:
    """Raise an error where another was being handled: Locust looks for the innermost."""
    try:
        raise cause
    except type(cause):
        raise error  # noqa: B904 - the context is what is asked for


def _authority(host: str, port: int | None, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return shown if port in (None, {"http": 80, "https": 443}[scheme]) else f"{shown}:{port}"


def _read(method: str, body: Any) -> bytes | None:
    """A body as bytes; files and generators are read to their end."""
    if body is None:
        return None if method in _WITHOUT_LENGTH else b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if hasattr(body, "read"):
        return _bytes(body.read())
    return b"".join(map(_bytes, itertools.chain(body)))


def _bytes(piece: str | bytes) -> bytes:
    return piece.encode() if isinstance(piece, str) else piece


def _text(header: tuple[str | bytes, str | bytes | int]) -> tuple[str, str]:
    name, value = (each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in header)
    return name, value


def _ns(seconds: Any) -> int | None:
    return int(seconds * NS) if isinstance(seconds, (int, float)) else None
