"""Answers everything that a Locust file may ask, on any address and by any name, the same way each time.

Runs in a network namespace whose addresses are all its own: what would have left the machine arrives here, and is
noted with the host that was meant.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_USER = re.compile(r"bench_user=(\d+)")
_CHANGING = re.compile(rb"[0-9a-f]{16,}|[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|\d+", re.IGNORECASE)
_HELLO = 0x16
_THING = {
    **dict.fromkeys(("name", "title", "message", "username", "email", "slug"), "thing"),
    **dict.fromkeys(("id", "_id", "user_id", "price", "count", "total", "score"), 7),
    **dict.fromkeys(("token", "key", "access_token", "refresh_token", "access", "refresh"), "t"),
    "status": "ok",
    "success": True,
}
_THINGS = {name: [_THING] for name in ("items", "results", "products")}
_BODY = json.dumps({**_THING, "data": _THING, **_THINGS}).encode()


def start(ports: Iterable[int], context: ssl.SSLContext, log: list[dict[str, Any]]) -> None:
    """Listen on these ports, and resolve names.

    Args:
        ports: Plain and TLS alike.
        context: Has a certificate for whatever name is asked for.
        log: Gets an entry for each request.
    """
    numbers = iter(range(1, 1 << 30))
    handler = type("Handler", (_Handler,), {"log": log, "numbers": numbers, "context": context})
    for port in ports:
        server = ThreadingHTTPServer(("0.0.0.0", port), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=_resolve, daemon=True).start()


def status_of(method: str, path: bytes) -> int:
    """What a request is answered with: most go well."""
    draw = hashlib.sha256(method.encode() + b" " + masked(path.split(b"?")[0])).digest()[0] % 16
    return {0: 500, 1: 404, 2: 302}.get(draw, 200)


def masked(text: bytes) -> bytes:
    """A path or a body without what differs each time."""
    return _CHANGING.sub(b"#", text)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    log: list[dict[str, Any]]
    numbers: Iterable[int]
    context: ssl.SSLContext

    def setup(self) -> None:
        self.is_tls = self.request.recv(1, socket.MSG_PEEK)[:1] == bytes([_HELLO])
        if self.is_tls:
            self.request = self.context.wrap_socket(self.request, server_side=True)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        known = _USER.search(self.headers.get("Cookie", ""))
        user = int(known[1]) if known else next(self.numbers)  # type: ignore[call-overload]
        path = self.path.encode("latin-1")
        is_hop = path.startswith(b"/bench-hop")
        address = self.request.getsockname()
        entry = {
            "user": user,
            "method": self.command,
            "host": self.headers.get("Host", ""),
            "address": f"{address[0]}:{address[1]}",
            "target": masked(path).decode("latin-1"),
            "kind": "",
            "body": "",
            "hop": is_hop,
        }
        # Before the body, of which a broken client sends less than it said.
        self.log.append(entry)
        if body := self._body():
            entry["kind"] = kind = self.headers.get_content_type()
            if kind.startswith("multipart/"):
                boundary = self.headers.get_param("boundary", "")
                body = body.replace(boundary.encode(), b"BOUNDARY")  # type: ignore[union-attr]
            entry["body"] = hashlib.sha256(masked(body)).hexdigest()[:16]
        self._answer(200 if is_hop else status_of(self.command, path), user)

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, user: int) -> None:
        body = b"" if self.command == "HEAD" else _BODY
        fields = [
            f"HTTP/1.1 {status} Scripted",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Set-Cookie: bench_user={user}; Path=/",
        ]
        if status == 302:
            fields.append("Location: /bench-hop")
        self.wfile.write("\r\n".join([*fields, "", ""]).encode() + body)


def _resolve() -> None:
    """Every name is an address of this machine; none has one of version 6."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 53))
        while True:
            query, sender = listener.recvfrom(1500)
            end = query.index(b"\0", 12) + 5
            (kind,) = struct.unpack("!H", query[end - 4 : end - 2])
            record = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, bytes([127, 0, 0, 1])) if kind == 1 else b""
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(bool(record)), 0, 0)
            listener.sendto(head + query[12:end] + record, sender)
