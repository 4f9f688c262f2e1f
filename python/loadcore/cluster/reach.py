"""Addresses, asked before Dask is: what it says of one that cannot be used is a traceback, or nothing at all."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadcore.cluster.certificates import reason_of
from loadcore.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.cluster.certificates import Certificates

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 5.0
LOOK_EVERY_S = 0.3


def require_own_address(host: str, port: int, remedy: str) -> None:
    """Refuse an address that this machine cannot listen on.

    Raises:
        UsageError: It cannot; `remedy` is what to do about it.
    """
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
    except OSError as problem:
        where = f"{host}:{port}" if port else host
        raise UsageError(f"cannot listen on {where}: {reason_of(problem)}", hint=remedy) from None


def wait_for_scheduler(
    address: str, certificates: Certificates | None, within_s: float, say: Callable[[str], None] = lambda _text: None
) -> None:
    """Wait until a scheduler answers.

    Args:
        address: The scheduler: `tcp://host:port` or `tls://host:port`.
        certificates: What this machine shows and trusts; needed for `tls://`.
        within_s: For how long, at the most.
        say: Told once what is waited for.

    Raises:
        RunError: None did, or it and this machine do not trust each other, which waiting does not change.
    """
    deadline = time.monotonic() + within_s
    told = False
    while True:
        try:
            _knock(address, certificates)
        except ssl.SSLError as problem:
            raise RunError(
                f"the scheduler at {address} and this machine cannot agree on TLS: {reason_of(problem)}",
                hint="use certificates that one `loadcore cluster certs` made; a scheduler without any is at tcp://",
            ) from None
        except OSError as problem:
            if time.monotonic() > deadline:
                raise RunError(
                    f"cannot reach the scheduler at {address}: {reason_of(problem)}",
                    hint="start one with `loadcore cluster scheduler`",
                ) from None
            if not told:
                told = True
                say(f"waiting for the scheduler at {address}: {reason_of(problem)}")
            time.sleep(LOOK_EVERY_S)
        else:
            return


def _knock(address: str, certificates: Certificates | None) -> None:
    """Connect, and wait for the first byte: a scheduler speaks first."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), CONNECT_WITHIN_S) as plain:
        plain.settimeout(ANSWER_WITHIN_S)
        stream = plain if certificates is None else certificates.context().wrap_socket(plain)
        try:
            with stream:
                answered = stream.recv(1)
        except TimeoutError:
            answered = b""
        if not answered:
            other = "tcp" if parts.scheme == "tls" else "tls"
            raise OSError(f"it does not answer as a {parts.scheme}:// scheduler does (is it at {other}://?)")
