"""What strangers and careless clients send: bounded, answered, and no one else's problem."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from loadcore_target.tests.running import REPOSITORY, RunningGateway

LARGE = 8 << 20


@pytest.fixture(scope="module", name="guarded")
def _guarded() -> Iterator[RunningGateway]:
    """A small pool, a quick breaker, short patience with heads, limits by address and by user name."""
    environment = {
        "GATEWAY_BREAKER_FAILURES": "2",
        "GATEWAY_BREAKER_OPEN_S": "30",
        "GATEWAY_UPSTREAM_CONNECTIONS": "1",
        "GATEWAY_UPSTREAM_TIMEOUT_S": "60",
        "GATEWAY_HEAD_TIMEOUT_S": "3",
        "GATEWAY_RATE_LIMIT_LOGIN": "3/hour",
        "GATEWAY_RATE_LIMIT_CLIENT": "1000/hour",
    }
    with RunningGateway("--users", "9", "--stub", "0ms", environment=environment) as running:
        yield running


def _address(gateway: RunningGateway) -> tuple[str, int]:
    parts = urlsplit(gateway.url)
    return parts.hostname or "", parts.port or 0


def _status_of(gateway: RunningGateway, head: str, body: bytes) -> int:
    """The status of the answer to a request that may be refused before it is all sent."""
    with socket.create_connection(_address(gateway), timeout=60) as connection:
        connection.sendall(head.encode())
        try:
            for at in range(0, len(body), 1 << 16):
                connection.sendall(body[at : at + (1 << 16)])
        except (BrokenPipeError, ConnectionResetError):
            pass
        return int(connection.recv(65536).split()[1])


def _read_answer(connection: socket.socket) -> int:
    """The status of an answer, which is read to its end."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def _head(path: str, length: int | None, authorization: str = "", method: str = "POST") -> str:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"{method} {path} HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n{authorization}{size}\r\n\r\n"


@pytest.mark.parametrize(("method", "path"), [("POST", "/orders"), ("PUT", "/_admin/faults")])
@pytest.mark.parametrize("body", [b"{", b"{}", b""])
def test_who_it_is_comes_before_what_it_says(guarded: RunningGateway, method: str, path: str, body: bytes) -> None:
    """Without a token the answer is 401, whatever the body is."""
    assert guarded.ask(method, path, body, {"Content-Type": "application/json"}).status == 401
    wrong = {"Content-Type": "application/json", "Authorization": "Bearer x"}
    assert guarded.ask(method, path, body, wrong).status == 401


@pytest.mark.parametrize("length", [LARGE, None])
def test_a_large_body_is_not_kept(guarded: RunningGateway, length: int | None) -> None:
    """It is refused by its size, or without a token for that; the worker does not grow by it."""
    token = guarded.log_in(0)["access_token"]
    body = b"1" * LARGE if length else b"%x\r\n%s\r\n0\r\n\r\n" % (LARGE, b"1" * LARGE)
    worker = guarded.ask("GET", "/health").json["pid"]
    before = psutil.Process(worker).memory_info().rss

    assert _status_of(guarded, _head("/orders", length, f"Authorization: Bearer {token}\r\n"), body) == 413
    assert _status_of(guarded, _head("/orders", length), body) in {401, 413}
    assert psutil.Process(worker).memory_info().rss - before < LARGE


def test_a_hurried_client_opens_nobody_s_breaker(guarded: RunningGateway) -> None:
    """A deadline of the client's own says nothing about the upstream, nor does a full pool."""
    token = guarded.log_in(1)["access_token"]
    hurried = [
        guarded.ask("GET", "/proxy/stub/x?delay=500ms", headers={"X-Timeout-Ms": "1"}, token=token).status
        for _ in range(6)
    ]
    assert set(hurried) == {504}
    assert guarded.ask("GET", "/proxy/stub/x", token=token).status == 200


def test_a_client_that_leaves_in_mid_body_opens_nobody_s_breaker(guarded: RunningGateway) -> None:
    """What it did not send is not the upstream's failure."""
    token = guarded.log_in(2)["access_token"]
    for _ in range(4):
        with socket.create_connection(_address(guarded), timeout=60) as connection:
            connection.sendall(
                _head("/proxy/stub/x", LARGE, f"Authorization: Bearer {token}\r\n").encode() + b"1" * 1000
            )
    for _ in range(3):
        assert guarded.ask("GET", "/proxy/stub/x", token=token).status == 200


def test_an_upstream_that_takes_too_long_does_open_it() -> None:
    """The gateway's own deadline passed after the request was sent: that is the upstream's failure."""
    environment = {
        "GATEWAY_BREAKER_FAILURES": "2",
        "GATEWAY_BREAKER_OPEN_S": "30",
        "GATEWAY_UPSTREAM_TIMEOUT_S": "0.3",
    }
    with RunningGateway("--users", "1", "--stub", "30s", environment=environment) as slow:
        token = slow.log_in(0)["access_token"]
        statuses = [slow.ask("GET", "/proxy/stub/x", token=token).status for _ in range(3)]
    assert statuses == [504, 504, 503]


def test_guesses_at_one_name_lock_nobody_else(guarded: RunningGateway) -> None:
    """The login limit counts passwords of one name: refreshes, clients and other names continue."""
    refresh = [guarded.log_in(index)["refresh_token"] for index in (3, 4, 5, 6)]
    for _ in range(4):
        guarded.form("/auth/token", grant_type="refresh_token", refresh_token="junk")
        guarded.form("/auth/token", grant_type="password", username="", password="x")
        last = guarded.form("/auth/token", grant_type="password", username="user-0007", password="wrong")

    assert last.status == 429
    assert last.headers["ratelimit-limit"] == "3"
    assert [
        guarded.form("/auth/token", grant_type="refresh_token", refresh_token=token).status for token in refresh
    ] == [200] * 4
    client = {"client_id": "demo-client", "client_secret": "demo-secret"}
    assert guarded.form("/auth/token", grant_type="client_credentials", **client).status == 200


def test_a_client_does_not_choose_its_address(guarded: RunningGateway) -> None:
    """`X-Forwarded-For` is not believed unless a proxy is trusted, and is never an error."""
    token = guarded.log_in(8)["access_token"]
    for claimed in ("1.2.3.4", "garbage", "::1, x"):
        headers = {"X-Forwarded-For": claimed, "X-Fault": "{}"}
        answer = guarded.ask("GET", "/proxy/stub/x", headers=headers, token=token)
        assert answer.status == 200
        assert answer.json["headers"]["x-forwarded-for"].endswith(", 127.0.0.1")
        admin = guarded.ask("GET", "/_admin/truth", headers={"X-Forwarded-For": claimed}, token=guarded.admin_token)
        assert admin.status == 200


def test_a_trusted_proxy_names_the_client() -> None:
    """From there the address is believed: limits count by it, and administration is not for it."""
    environment = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.1", "GATEWAY_RATE_LIMIT_CLIENT": "1/hour"}
    with RunningGateway("--users", "1", environment=environment) as behind:
        tries = [
            behind.form("/auth/token", {"X-Forwarded-For": address}, grant_type="none").status
            for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2")
        ]
        odd = [
            behind.ask("GET", "/_admin/truth", headers={"X-Forwarded-For": address}, token=behind.admin_token).status
            for address in ("10.0.0.3", "garbage")
        ]
    assert tries == [400, 429, 400]
    assert odd == [404, 404]


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: g\r\nX-A: "])
def test_a_head_that_does_not_come_ends_the_connection(guarded: RunningGateway, sent: bytes) -> None:
    """Nothing, half a line, or drips: after its time the connection is closed."""
    with socket.create_connection(_address(guarded), timeout=60) as connection:
        if sent:
            connection.sendall(sent)
        assert connection.recv(100) == b""


def test_a_head_in_two_pieces_is_served(guarded: RunningGateway) -> None:
    """Within its time a head may come as it likes, also the second on a connection; idling is not in a head."""
    with socket.create_connection(_address(guarded), timeout=60) as connection:
        for _ in range(2):
            connection.sendall(b"GET /health HTTP/1.1\r\n")
            connection.sendall(b"Host: g\r\n\r\n")
            assert _read_answer(connection) == 200
        assert guarded.ask("GET", "/proxy/stub/x?delay=4s", token=guarded.log_in(8)["access_token"]).status == 200
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: g\r\n\r\n")
        assert _read_answer(connection) == 200


@pytest.mark.parametrize("fault", ["[" * 5000, '{"routes": ["GET /nope"]}', '{"workers": [77]}', '{"latency": "1"}'])
def test_a_fault_header_that_makes_no_sense_is_refused(guarded: RunningGateway, fault: str) -> None:
    """With 400, and never as an error of the gateway's."""
    assert guarded.ask("GET", "/users/me", headers={"X-Fault": fault}).status == 400


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ({"routes": ["GET /nope"]}, 422),
        ({"workers": [77]}, 422),
        ({"workers": [-1]}, 422),
        ({"latency": "lognormal(5ms,1e309)"}, 422),
        ({"latency": "9" * 400 + "s"}, 422),
        ({"routes": ["GET /items"] * 10_000}, 413),
    ],
)
def test_a_program_that_would_do_nothing_is_refused(
    guarded: RunningGateway, program: dict[str, object], status: int
) -> None:
    """The answer names what there is not."""
    assert guarded.ask("PUT", "/_admin/faults", program, token=guarded.admin_token).status == status
    assert guarded.admin("GET", "/faults")["routes"] == []


LONG = "0123456789abcdef" * 2
REALISTIC = {"GATEWAY_PROFILE": "realistic", "GATEWAY_SECRET": LONG, "GATEWAY_ADMIN_TOKEN": LONG[::-1]}


@pytest.mark.parametrize(
    ("variables", "arguments", "code", "told"),
    [
        ({"GATEWAY_CLIENTS": '{"a'}, [], 104, "clients"),
        ({"GATEWAY_UPSTREAMS": "stub=http://h"}, [], 104, "upstreams"),
        ({"GATEWAY_UPSTREAMS": '{"a": "ftp://h"}'}, [], 104, "needs a URL like http://host:port"),
        ({"GATEWAY_DATABASE_URL": "mysql://h/x"}, [], 104, "the database is not one of"),
        ({"GATEWAY_TRUSTED_PROXIES": "everyone"}, [], 104, "trusted_proxies"),
        ({"GATEWAY_CLIENTS": '{"a": {"secret": ""}}'}, [], 104, "at least 1"),
        ({**REALISTIC, "GATEWAY_ADMIN_TOKEN": LONG}, [], 104, "are the same"),
        ({}, ["--port", "70000"], 2, "expected a port from 0 to 65535, got '70000'"),
        ({}, ["--port", "-1"], 2, "expected a port"),
    ],
)
def test_wrong_settings_refuse_the_start(variables: dict[str, str], arguments: list[str], code: int, told: str) -> None:
    """With a message and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "loadcore_target", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "host", "warned"),
    [
        ({}, "0.0.0.0", True),
        ({}, "::", True),
        ({}, "127.0.0.1", False),
        ({}, "localhost", False),
        (REALISTIC, "::", False),
    ],
)
def test_public_passwords_on_a_public_address_are_warned_of(variables: dict[str, str], host: str, warned: bool) -> None:
    """The demo's accounts are in the documentation: whoever reaches it can log in."""
    done = subprocess.run(
        [sys.executable, "-m", "loadcore_target", "--host", host, "--port", "0", "--users", "0", "--exit-with-parent"],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("the demo profile are public" in done.stderr) is warned


def test_a_replica_is_called_by_its_host() -> None:
    """Replicas in containers are distinguished without a setting."""
    with RunningGateway("--users", "0") as running:
        assert running.ask("GET", "/health").json["replica"] == socket.gethostname()
        assert json.loads(running.ask("GET", "/health").body)["status"] == "ok"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /health HTTP/1.0\r\n\r\n", 200),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /health\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 5_000 + "\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\n" + ("X: " + "y" * 70_000 + "\r\n") * 10 + "\r\n", 400),
    ],
    ids=["one host", "1.0", "no host", "two hosts", "1.0 with two", "0.9", "many fields", "long fields"],
)
def test_a_head_is_read_in_one_way_only(guarded: RunningGateway, head: str, expected: int) -> None:
    """Neither a request without its host, nor one with two, nor one of any size reaches what is behind the gateway."""
    assert _status_of(guarded, head, b"") == expected


def test_a_head_that_never_ends_is_refused(guarded: RunningGateway) -> None:
    """Before it has taken more memory than a head may."""
    head = "GET /health HTTP/1.1\r\nHost: a\r\nX: "
    assert _status_of(guarded, head, b"y" * LARGE) == 400
