"""The proxy sends to the upstream that was named, and nowhere else, whatever a path is made of."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from loadcore_target.tests.running import RunningGateway


@pytest.fixture(scope="module", name="proxying")
def _proxying() -> Iterator[RunningGateway]:
    """A gateway with a stub, and the same stub below a path."""
    with RunningGateway("--users", "2", "--stub", "0ms") as running:
        yield running


@pytest.fixture(scope="module", name="access")
def _access(proxying: RunningGateway) -> str:
    """A user's token."""
    token: str = proxying.log_in(1)["access_token"]
    return token


@pytest.fixture(name="elsewhere")
def _elsewhere() -> Iterator[socket.socket]:
    """A listener that nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def _raw(gateway: RunningGateway, target: str, token: str, more: str = "") -> bytes:
    """The answer to a request line that no client library would write."""
    parts = urlsplit(gateway.url)
    head = f"GET {target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{more}\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as connection:
        connection.sendall(head.encode("latin-1"))
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


@pytest.mark.parametrize(
    "path",
    [
        "/proxy/stub%2f@{elsewhere}/x",
        "/proxy/stub%2F@{elsewhere}/x",
        "/proxy/stub%2f%40{elsewhere}/x",
        "/proxy/stub%2f/@{elsewhere}/x",
        "/proxy/stub@{elsewhere}/x",
        "/proxy/stub/@{elsewhere}/x",
        "/proxy/stub//{elsewhere}/x",
        "/proxy/stub/%2f%2f{elsewhere}/x",
        "/proxy/stub/http://{elsewhere}/x",
        "/proxy/stub:80@{elsewhere}/x",
        "/proxy/stub%3a80@{elsewhere}/x",
        "/proxy//stub@{elsewhere}/x",
        "/proxy/stub\\@{elsewhere}/x",
    ],
)
def test_no_path_leads_to_another_host(
    proxying: RunningGateway, access: str, elsewhere: socket.socket, path: str
) -> None:
    """The request reaches the stub as a path like any other, or is refused; it is not an error of the gateway's."""
    host, port = elsewhere.getsockname()
    answer = _raw(proxying, path.replace("{elsewhere}", f"{host}:{port}"), access)

    status = int(answer.split()[1])
    assert status in {200, 400, 404}, answer
    with pytest.raises(BlockingIOError):
        elsewhere.accept()


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/proxy/stub/", "/"),
        ("/proxy/stub/a//b", "/a//b"),
        ("/proxy/%73tub/a", "/a"),
        ("/proxy/stub/a%2fb%3Fc", "/a%2fb%3Fc"),
        ("/proxy/stub/proxy/stub/x", "/proxy/stub/x"),
        ("/proxy/stub/.../..a", "/.../..a"),
    ],
)
def test_paths_arrive_as_written(proxying: RunningGateway, access: str, sent: str, arrives: str) -> None:
    """An encoded name of the service is that service, and what follows it is left as it is."""
    assert json.loads(_raw(proxying, sent, access).partition(b"\r\n\r\n")[2])["path"] == arrives


@pytest.mark.parametrize("path", ["/proxy/stub%2fa", "/proxy/stub%2fa/b", "/proxy/nobody/a"])
def test_a_service_that_is_not_there_is_404(proxying: RunningGateway, access: str, path: str) -> None:
    """An encoded slash is part of the name, which then names nothing."""
    assert _raw(proxying, path, access).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("path", ["/proxy/stub/../x", "/proxy/stub/a/%2e%2E/x", "/proxy/stub/.", "/proxy/stub/a/.%2e"])
def test_a_path_does_not_leave_its_place(proxying: RunningGateway, access: str, path: str) -> None:
    """An upstream below a path stays below it."""
    assert _raw(proxying, path, access).startswith(b"HTTP/1.1 400")


def test_users_do_not_steer_the_stub(proxying: RunningGateway, access: str) -> None:
    """Its own controls are for whoever reaches it directly."""
    steered = proxying.ask("PUT", "/proxy/stub/_stub/latency", "5s", token=access)
    asked = proxying.ask("GET", "/proxy/stub/_stub/truth", token=access)

    assert steered.json["path"] == "/_stub/latency"
    assert asked.json["path"] == "/_stub/truth"
    assert proxying.ask("GET", "/proxy/stub/x", token=access).status == 200


def test_headers_that_cgi_would_confuse_are_not_passed(proxying: RunningGateway, access: str) -> None:
    """`x_authenticated_user` is `X-Authenticated-User` to some servers."""
    more = "x_authenticated_user: root\r\nX_Forwarded_For: 1.2.3.4\r\n"
    seen = json.loads(_raw(proxying, "/proxy/stub/x", access, more).partition(b"\r\n\r\n")[2])["headers"]

    assert seen["x-authenticated-user"] == "user-0001"
    assert seen["x-forwarded-for"] == "127.0.0.1"


def test_a_huge_deadline_is_refused(proxying: RunningGateway, access: str) -> None:
    """A number that no clock holds is the client's mistake, not the gateway's."""
    for text in ("9" * 400, "0", "-1", "1.5", "x"):
        answer = proxying.ask("GET", "/proxy/stub/x", headers={"X-Timeout-Ms": text}, token=access)
        assert answer.status == 400


@pytest.mark.parametrize("status", [100, 101, 199, 600, 799])
def test_an_upstream_s_nonsense_is_a_bad_gateway(status: int) -> None:
    """A status that means nothing to a client, or would open a tunnel, is answered with 502."""
    with socket.create_server(("127.0.0.1", 0)) as upstream, _gateway_before(upstream) as gateway:
        token = gateway.log_in(0)["access_token"]
        answer = _answer_of(gateway, upstream, token, f"HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\n\r\n".encode())
    # After an interim answer nothing comes, which is broken as well.
    assert answer == 502


def test_headers_of_an_upstream_are_passed_byte_for_byte() -> None:
    """Also those that are no ASCII."""
    head = b"HTTP/1.1 200 OK\r\nX-Name: gr\xc3\xbc\xc3\x9fe \xff\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nok"
    with socket.create_server(("127.0.0.1", 0)) as upstream, _gateway_before(upstream) as gateway:
        token = gateway.log_in(0)["access_token"]
        whole = _exchange(gateway, upstream, token, head)
    assert b"x-name: gr\xc3\xbc\xc3\x9fe \xff\r\n" in whole
    assert b"via: 1.1 inner, 1.1 loadcore-gateway\r\n" in whole


def _gateway_before(upstream: socket.socket) -> RunningGateway:
    host, port = upstream.getsockname()
    return RunningGateway(
        "--users", "1", environment={"GATEWAY_UPSTREAMS": json.dumps({"odd": f"http://{host}:{port}"})}
    )


def _exchange(gateway: RunningGateway, upstream: socket.socket, token: str, answer: bytes) -> bytes:
    """What a client gets when the upstream answers so."""
    parts = urlsplit(gateway.url)
    head = f"GET /proxy/odd/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as client:
        client.sendall(head.encode())
        upstream.settimeout(20)
        for _ in range(2):  # what breaks off is asked once more
            try:
                connection, _address = upstream.accept()
            except TimeoutError:
                break
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
            upstream.settimeout(0.5)
        received = b""
        while part := client.recv(65536):
            received += part
    return received


def _answer_of(gateway: RunningGateway, upstream: socket.socket, token: str, answer: bytes) -> int:
    return int(_exchange(gateway, upstream, token, answer).split()[1])
