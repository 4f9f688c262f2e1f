"""A server that follows a law, and stamps the arrival and the end of each request.

`python -m tests.verdict.server LAW LOG [--seed N] …` says its address on stdout, then `first` when the first request
came. SIGTERM ends it, and what it has stamped is written to LOG.

Arrival is the kernel's own stamp of the packet, so that a request that waits for this server's thread waits in its
time. It runs at real-time priority where that is permitted and not told otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from array import array
from pathlib import Path
from random import Random
from typing import Any

from tests.verdict import laws, served

_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_REAL_TIME_PRIORITY = 10
_RETRY_ACCEPT_NS = 50 * laws.MS
_READ_BYTES = 262_144


class _Connection:
    """One client's connection: at most one request of it is under way."""

    __slots__ = ("arrived_ns", "due", "missing", "sending", "socket", "status", "unread")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.unread = b""
        self.arrived_ns = 0
        self.missing = 0
        self.sending = b""
        self.status = 0
        self.due: list[bytes] = []


class Server:
    """One thread that accepts, reads, and answers by a law."""

    def __init__(self, law: laws.Law, options: argparse.Namespace) -> None:
        self.law = law
        self.random = Random(options.seed)
        self.log = array("q")
        self.body = json.dumps({"items": list(range(options.items))}).encode()
        self.close = options.close
        self.read_bytes, self.read_gap_ns = options.read_bytes, round(options.read_gap_ms * laws.MS)
        self.one_by_one = options.backlog < 8
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.read_gap_ns:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.read_bytes)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(options.backlog)
        self.listener.setblocking(False)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)
        self.connections: dict[int, _Connection] = {}
        self.timers: list[tuple[int, int, Any, _Connection | None]] = []
        self.timer_count = 0
        self.first_ns: int | None = None
        self.real_to_monotonic_ns = time.monotonic_ns() - time.time_ns()

    def run(self) -> None:
        """Serve until SIGTERM."""
        while True:
            wait_s = max(0.0, (self.timers[0][0] - time.monotonic_ns()) / laws.S) if self.timers else -1
            for descriptor, _ in self.epoll.poll(wait_s):
                connection = self.connections.get(descriptor)
                if connection is None:
                    self._accept()
                elif connection.sending:
                    self._send(connection)
                else:
                    self._read(connection)
            now_ns = time.monotonic_ns()
            while self.timers and self.timers[0][0] <= now_ns:
                _, _, action, of = heapq.heappop(self.timers)
                action(of) if of else action()

    def _after(self, at_ns: int, action: Any, connection: _Connection | None = None) -> None:
        self.timer_count += 1
        heapq.heappush(self.timers, (at_ns, self.timer_count, action, connection))

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except BlockingIOError:
                return
            except OSError:
                # No descriptor is left: who is in the queue waits there, as with any server that tries again later.
                self.epoll.unregister(self.listener)
                self._after(time.monotonic_ns() + _RETRY_ACCEPT_NS, self._listen)
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self.connections[accepted.fileno()] = _Connection(accepted)
            self.epoll.register(accepted, select.EPOLLIN)
            if self.one_by_one:
                return

    def _listen(self) -> None:
        self.epoll.register(self.listener, select.EPOLLIN)

    def _read(self, connection: _Connection) -> None:
        try:
            received, told, _, _ = connection.socket.recvmsg(self.read_bytes, 64)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._end(connection)
            return
        if not connection.unread and not connection.missing:
            # Data that came before stamps were asked for has none.
            stamp = _STAMP.unpack(told[0][2]) if told else None
            real_ns = stamp[0] * laws.S + stamp[1] if stamp else 0
            connection.arrived_ns = real_ns + self.real_to_monotonic_ns if real_ns else time.monotonic_ns()
        if connection.missing:
            connection.missing -= len(received)
        else:
            connection.unread += received
            head, end, rest = connection.unread.partition(b"\r\n\r\n")
            if not end:
                return
            connection.unread = b""
            connection.missing = _body_length(head) - len(rest)
        if connection.missing > 0:
            self._read_later(connection)
        else:
            self._answer(connection)

    def _read_later(self, connection: _Connection) -> None:
        if self.read_gap_ns:
            self.epoll.modify(connection.socket, 0)
            self._after(time.monotonic_ns() + self.read_gap_ns, self._read_on, connection)

    def _read_on(self, connection: _Connection) -> None:
        if connection.socket.fileno() >= 0:
            self.epoll.modify(connection.socket, select.EPOLLIN)

    def _answer(self, connection: _Connection) -> None:
        now_ns = time.monotonic_ns()
        if self.first_ns is None:
            self.first_ns = now_ns
            sys.stdout.write("first\n")
            sys.stdout.flush()
        answer = self.law.answer(now_ns - self.first_ns, self.random)
        if answer.held_ns:
            time.sleep(answer.held_ns / laws.S)
        until = time.thread_time_ns() + answer.cpu_ns
        while answer.cpu_ns and time.thread_time_ns() < until:
            pass
        connection.status = int(answer.status[:3])
        last = "Connection: close\r\n" if self.close else ""
        length = f"Content-Length: {len(self.body)}\r\n"
        head = f"HTTP/1.1 {answer.status}\r\nContent-Type: application/json\r\n{answer.headers}{length}{last}\r\n"
        size = -(-len(self.body) // answer.pieces)
        pieces = [self.body[start : start + size] for start in range(0, len(self.body), size)]
        connection.due = [head.encode() + pieces[0], *pieces[1:]]
        at_ns = self.first_ns + answer.at_ns
        if at_ns <= now_ns:
            self._send(connection)
            at_ns = now_ns
        else:
            self._after(at_ns, self._send, connection)
        for number in range(1, len(pieces)):
            self._after(at_ns + number * answer.gap_ns, self._send, connection)

    def _send(self, connection: _Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        if not connection.sending and connection.due:
            connection.sending = connection.due.pop(0)
        try:
            sent = connection.socket.send(connection.sending)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(connection)
            return
        connection.sending = connection.sending[sent:]
        if connection.sending:
            self.epoll.modify(connection.socket, select.EPOLLOUT)
            return
        if sent == 0 or connection.due:
            return
        self.log.extend((connection.arrived_ns, time.monotonic_ns(), connection.status))
        if self.close:
            self._end(connection)
        else:
            self.epoll.modify(connection.socket, select.EPOLLIN)

    def _end(self, connection: _Connection) -> None:
        if self.connections.pop(connection.socket.fileno(), None) is not None:
            self.epoll.unregister(connection.socket)
            connection.socket.close()


def _body_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("law")
    parser.add_argument("log", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backlog", type=int, default=4096)
    parser.add_argument("--open-files", type=int, help="how many descriptors this server may have")
    parser.add_argument("--items", type=int, default=3, help="how many the answer holds")
    parser.add_argument("--close", action="store_true", help="close the connection after each answer")
    parser.add_argument("--read-bytes", type=int, default=_READ_BYTES, help="how much of a body is read at once")
    parser.add_argument("--read-gap-ms", type=float, default=0, help="pause between two reads of a body")
    parser.add_argument("--normal-priority", action="store_true")
    return parser.parse_args()


def _terminate(*_: object) -> None:
    raise SystemExit


def main() -> None:
    """Serve until SIGTERM, then write the log."""
    options = _options()
    if options.open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (options.open_files, options.open_files))
    signal.signal(signal.SIGTERM, _terminate)
    server = Server(laws.from_json(options.law), options)
    if not options.normal_priority:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_REAL_TIME_PRIORITY))
    sys.stdout.write(f"http://127.0.0.1:{server.listener.getsockname()[1]}\n")
    sys.stdout.flush()
    try:
        server.run()
    except SystemExit:
        served.write(options.log, server.log)


if __name__ == "__main__":
    main()
