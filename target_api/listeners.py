"""Listening sockets that several workers can have on one port, and the descriptors they need."""

import resource
import socket

DESCRIPTORS = 65_536
"""What the gateway asks for; it takes what the hard limit allows."""


def raise_descriptor_limit() -> int:
    """Raises the soft limit of open files towards `DESCRIPTORS` and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def claim_port(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen: it keeps a port for this gateway.

    Raises:
        OSError: Another process has the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        # `SO_REUSEPORT` would silently share a port with another gateway of the same user: ask without it first.
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    return _bound(family, host, port)


def open_listener(claim: socket.socket, backlog: int) -> socket.socket:
    """One more listening socket on the claimed port; the kernel spreads connections evenly over all of them."""
    host, port = claim.getsockname()[:2]
    listener = _bound(claim.family, host, port)
    listener.listen(backlog)
    return listener


def _bound(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
