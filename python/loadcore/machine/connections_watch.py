"""The connections between this machine and the target, second by second, as the kernel sees them."""

from __future__ import annotations

import socket
import threading
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadcore.machine.tcp_sockets import ESTABLISHED, LISTEN, Tcp, sockets

if TYPE_CHECKING:
    from collections.abc import Iterable


class WayWatch:
    """Looks at some of the connections to the target, from one second to the next.

    Args:
        base_urls: Of the target.
    """

    def __init__(self, base_urls: Iterable[str]) -> None:
        self._places = {place for url in base_urls if (place := place_of(url)) is not None}
        self._addresses: set[tuple[str, int]] = set()
        self._before: dict[int, Tcp] = {}
        # A name server may take seconds, which the supervisor does not have.
        threading.Thread(target=self._resolve, name="loadcore-resolve", daemon=True).start()

    def look(self) -> dict[str, int]:
        """What happened on them since the last look; empty if there are none to be seen."""
        seen = {
            each.inode: each
            for port in {port for _, port in self._addresses}
            for each in sockets(ESTABLISHED, remote_port=port)
            if (each.remote, port) in self._addresses
        }
        before, self._before = self._before, seen
        if not seen:
            return {}
        round_trips = [each.min_rtt_ns for each in seen.values() if each.min_rtt_ns]
        nothing = Tcp(0, 0, 0, "")
        pairs = [(each, before.get(inode, nothing)) for inode, each in seen.items()]
        return {
            "rtt_ns": round(median(round_trips)) if round_trips else 0,
            "segments_sent": sum(max(0, now.segments - old.segments) for now, old in pairs),
            "segments_resent": sum(max(0, now.resent - old.resent) for now, old in pairs),
            "sending_ns": sum(max(0, now.sending_ns - old.sending_ns) for now, old in pairs),
            "blocked_ns": sum(max(0, now.blocked_ns - old.blocked_ns) for now, old in pairs),
        }

    def _resolve(self) -> None:
        found = set()
        for host, port in self._places:
            try:
                entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                continue
            found |= {(str(entry[4][0]).partition("%")[0], port) for entry in entries}
        self._addresses = found


def accept_queue(ports: Iterable[int]) -> dict[str, int]:
    """The fullest accept queue of the sockets that listen at some ports of this machine."""
    listening = [each for port in ports for each in sockets(LISTEN, local_port=port)]
    fullest = max(listening, key=lambda each: each.received / max(each.queued, 1), default=None)
    return {} if fullest is None else {"accept_waiting": fullest.received, "accept_limit": fullest.queued}


def place_of(url: str) -> tuple[str, int] | None:
    """Host and port of a target."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None
