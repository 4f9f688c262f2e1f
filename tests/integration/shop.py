"""A small shop to run users against: what they do is counted, and what they should not do is answered with an error."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sqlite3
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNING_KEY = "signing key"
PAGES = 3


class Shop(ThreadingHTTPServer):
    """Carts, orders, invoices, quotes and tokens."""

    daemon_threads = True

    def __init__(self, database: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.database = database
        self.counts: Counter[str] = Counter()
        self.carts: dict[str, dict[str, Any]] = {}
        self.paid: set[str] = set()
        self.lock = threading.Lock()
        with sqlite3.connect(database) as connection:
            connection.execute("create table orders (id text primary key, total integer)")
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        """Ends it."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shop

    def do(self) -> None:
        """Answers a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with self.server.lock:
            for (method, pattern), answer in _ROUTES.items():
                match = re.fullmatch(pattern, url.path)
                if method == self.command and match:
                    self.server.counts[f"{method} {pattern}"] += 1
                    return self.answer(*answer(self, body, *match.groups()))
        return self.answer(404, {})

    do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815 - as http.server calls them

    def answer(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        """Sends a response."""
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server calls it
        """Says nothing."""


def _token(*_: Any) -> tuple[int, Any]:
    return 200, {"access_token": "t", "expires_in": 600, "token_type": "Bearer"}


def _invoices(handler: _Handler, _: bytes) -> tuple[Any, ...]:
    shop = handler.server
    if handler.headers["Authorization"] != "Bearer t":
        return 401, {}
    if handler.query.get("state") == "open":
        return 200, {"items": [{"id": f"i{number}", "due": number} for number in range(5)]}
    page = int(handler.query.get("cursor", "0") or 0)
    if page == 1 and shop.counts["429"] == 0:
        shop.counts["429"] += 1
        return 429, {}, {"Retry-After": "0"}
    return 200, {"items": [], "next_cursor": str(page + 1) if page + 1 < PAGES else None}


def _pay(handler: _Handler, body: bytes, invoice: str) -> tuple[int, Any]:
    signature = dict(part.split("=") for part in handler.headers["X-Signature"].split(","))
    signed = f"{signature['t']}.".encode() + body
    if signature["v1"] != hmac.new(SIGNING_KEY.encode(), signed, hashlib.sha256).hexdigest():
        return 403, {}
    if invoice in handler.server.paid:
        return 409, {}
    handler.server.paid.add(invoice)
    return 201, {"state": "settled"}


def _open_cart(handler: _Handler, _: bytes) -> tuple[int, Any]:
    number = str(len(handler.server.carts))
    handler.server.carts[number] = {"id": number, "version": 0, "total": 0}
    return 201, {"id": number}


def _cart(handler: _Handler, _: bytes, number: str) -> tuple[Any, ...]:
    cart = handler.server.carts[number]
    return 200, cart, {"ETag": f'"{cart["version"]}"'}


def _put(handler: _Handler, body: bytes, number: str, _: str) -> tuple[int, Any]:
    cart = handler.server.carts[number]
    # The first time another user was quicker.
    is_first = handler.server.counts[f"put {number}"] == 0
    handler.server.counts[f"put {number}"] += 1
    expected = handler.headers.get("If-Match")
    if expected is not None and (is_first or expected != f'"{cart["version"]}"'):
        return 412, {}
    cart["version"] += 1
    cart["total"] += json.loads(body)["quantity"]
    return 200, {}


def _check_out(handler: _Handler, _: bytes, number: str) -> tuple[int, Any]:
    shop = handler.server
    order = f"o{shop.counts['orders']}"
    shop.counts["orders"] += 1
    with sqlite3.connect(shop.database) as connection:
        connection.execute("insert into orders values (?, ?)", (order, shop.carts[number]["total"]))
    return 201, {"id": order, "total": shop.carts[number]["total"]}


def _fill(handler: _Handler, _: bytes, order: str) -> tuple[int, Any]:
    handler.server.counts[f"asked {order}"] += 1
    return 200, {"state": "filled" if handler.server.counts[f"asked {order}"] > 1 else "open"}


def _order(handler: _Handler, _: bytes) -> tuple[int, Any]:
    handler.server.counts["trades"] += 1
    return 202, {"id": str(handler.server.counts["trades"])}


_ROUTES: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {
    ("POST", "/(?:oauth|auth)/token"): _token,
    ("GET", "/v1/me"): lambda *_: (200, {}),
    ("GET", "/v1/invoices"): _invoices,
    ("POST", "/v1/invoices/(.+)/payments"): _pay,
    ("POST", "/carts"): _open_cart,
    ("GET", "/carts/([^/]+)"): _cart,
    ("PUT", "/carts/([^/]+)/lines/(.+)"): _put,
    ("POST", "/carts/([^/]+)/checkout"): _check_out,
    ("GET", "/items"): lambda *_: (200, {"items": [{"sku": f"s{number}"} for number in range(20)]}),
    ("GET", "/offers"): lambda *_: (200, {}),
    ("GET", "/symbols"): lambda *_: (200, {"codes": ["A", "B"]}),
    ("GET", "/quotes/(.+)"): lambda _, __, symbol: (200, {"symbol": symbol}),
    ("POST", "/orders"): _order,
    ("DELETE", "/orders"): lambda *_: (204,),
    ("GET", "/orders/(.+)"): _fill,
}
