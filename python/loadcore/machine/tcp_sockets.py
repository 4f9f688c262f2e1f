"""TCP sockets of this machine as the kernel knows them (`sock_diag`, what `ss -ti` shows). Asks, changes nothing."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ESTABLISHED, LISTEN = 1, 10

_SOCK_DIAG = 4
_BY_FAMILY, _DUMP = 20, 0x301
_ERROR, _DONE = 2, 3
_WITH_INFO = 1 << 1
_INFO = 2
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_SOCKET = struct.Struct("!HH16s16s")
_REST = struct.Struct("=IQ")
"""Of a socket's identity: interface and cookie; none and any."""
_STATE = struct.Struct("=IIIII")
_STATE_AT, _ATTRIBUTES_AT = 52, 72
_ATTRIBUTE = struct.Struct("=HH")
_ANSWER = 65_536
_WAIT_S = 0.1


@dataclass(frozen=True)
class Tcp:
    """A socket. The figures of `tcp_info` count from the beginning of the connection; 0 where the kernel has none."""

    inode: int
    received: int
    """Bytes that wait to be read; of one that listens, connections that wait to be accepted."""
    queued: int
    """Bytes that wait to be acknowledged; of one that listens, how many connections may wait."""
    remote: str
    min_rtt_ns: int = 0
    segments: int = 0
    resent: int = 0
    sending_ns: int = 0
    """For how long there was something to send."""
    blocked_ns: int = 0
    """For how long of that the other side had no room for it."""


def sockets(state: int, *, local_port: int = 0, remote_port: int = 0, answers: int = 2) -> list[Tcp]:
    """Sockets in a state, with these ports unless they are 0. Empty where the kernel does not tell.

    Args:
        state: `ESTABLISHED` or `LISTEN`.
        local_port: On this side.
        remote_port: On the other.
        answers: Answers of the kernel that are read, of each family; each holds some hundred sockets.
    """
    found: list[Tcp] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            found += _dump(family, state, local_port, remote_port, answers)
        except (OSError, struct.error):  # No such family, no netlink, or another format.
            continue
    return found


def _dump(family: int, state: int, local_port: int, remote_port: int, answers: int) -> list[Tcp]:
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, _WITH_INFO, 0, 1 << state)
    request += _SOCKET.pack(local_port, remote_port, b"", b"") + _REST.pack(0, 2**64 - 1)
    found: list[Tcp] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as netlink:
        netlink.settimeout(_WAIT_S)
        netlink.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 1, 0) + request)
        for _ in range(answers):
            for kind, body in _messages(netlink.recv(_ANSWER)):
                if kind in {_DONE, _ERROR}:
                    return found
                found.append(_read(body))
    return found


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(answer):
        length, kind, *_ = _HEADER.unpack_from(answer, at)
        yield kind, answer[at + _HEADER.size : at + length]
        at += max((length + 3) & ~3, _HEADER.size)


def _read(body: bytes) -> Tcp:
    _, received, queued, _, inode = _STATE.unpack_from(body, _STATE_AT)
    _, _, _, remote = _SOCKET.unpack_from(body, 4)
    is_four = body[0] == socket.AF_INET
    address = ipaddress.IPv4Address(remote[:4]) if is_four else ipaddress.IPv6Address(remote)
    mapped = getattr(address, "ipv4_mapped", None)
    return Tcp(inode, received, queued, str(mapped or address), **_figures(_info_of(body)))


def _info_of(body: bytes) -> bytes:
    at = _ATTRIBUTES_AT
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if kind == _INFO:
            return body[at + _ATTRIBUTE.size : at + length]
        at += max((length + 3) & ~3, _ATTRIBUTE.size)
    return b""


def _figures(info: bytes) -> dict[str, int]:
    """Of `struct tcp_info`, by the offsets that it has had since Linux 4.10."""
    if len(info) < 192:  # noqa: PLR2004 - up to `tcpi_sndbuf_limited`
        return {}
    (resent,) = struct.unpack_from("=I", info, 100)
    segments, _, _, min_rtt_us = struct.unpack_from("=IIII", info, 136)
    sending_us, blocked_us = struct.unpack_from("=QQ", info, 168)
    return {
        "min_rtt_ns": 0 if min_rtt_us == 2**32 - 1 else min_rtt_us * 1_000,
        "segments": segments,
        "resent": resent,
        "sending_ns": sending_us * 1_000,
        "blocked_ns": blocked_us * 1_000,
    }
