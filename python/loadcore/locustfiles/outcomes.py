"""What the engine says of a request without a response, as the exceptions that Locust's clients raise."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIMED_OUT = frozenset({"timeout_headers", "timeout_body", "timeout_total"})
"""The response did not come in time."""
CONNECT_TIMED_OUT = frozenset({"connect_timeout", "tls_timeout", "dns_timeout"})
"""No connection could be opened in time."""
CUT_OFF = frozenset({"closed_in_body", "reset_in_body", "body_too_large", "proto_chunk", "proto_trailer"})
"""The response's head came, and its body did not."""
INTERRUPTED = "interrupted"
"""The run ended first."""
NOT_SENT = "request_invalid"
"""The request could not be written."""


def _system(code: int) -> Callable[[str], Exception]:
    return lambda _outcome: OSError(code, os.strerror(code))


def _resolver(code: int) -> Callable[[str], Exception]:
    words = {socket.EAI_NONAME: "Name or service not known", socket.EAI_AGAIN: "Temporary failure in name resolution"}
    return lambda _outcome: socket.gaierror(code, words[code])


def _closed(_outcome: str) -> Exception:
    return http.client.RemoteDisconnected("Remote end closed connection without response")


_CAUSES: dict[str, Callable[[str], Exception]] = {
    "dns_nxdomain": _resolver(socket.EAI_NONAME),
    "dns_error": _resolver(socket.EAI_AGAIN),
    "connect_refused": _system(errno.ECONNREFUSED),
    "connect_unreachable": _system(errno.ENETUNREACH),
    "addr_unavailable": _system(errno.EADDRNOTAVAIL),
    "fd_limit": _system(errno.EMFILE),
    "send_broken_pipe": _system(errno.EPIPE),
    **dict.fromkeys(("connect_reset", "send_reset", "reset_before_response"), _system(errno.ECONNRESET)),
    **dict.fromkeys(("reset_in_headers", "reset_in_body"), _system(errno.ECONNRESET)),
    **dict.fromkeys(("closed_before_response", "closed_in_headers", "stale_connection"), _closed),
    **dict.fromkeys((*TIMED_OUT, *CONNECT_TIMED_OUT), lambda _outcome: TimeoutError("timed out")),
}


def cause_of(outcome: str) -> Exception:
    """The exception of the socket, of TLS or of HTTP that this outcome would have been in Python."""
    known = _CAUSES.get(outcome)
    if known is not None:
        return known(outcome)
    words = outcome.replace("_", " ")
    if outcome.startswith("tls_cert"):
        return ssl.SSLCertVerificationError(1, f"certificate verify failed: {words}")
    if outcome.startswith("tls"):
        return ssl.SSLError(1, words)
    return http.client.BadStatusLine(words)
