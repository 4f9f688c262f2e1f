"""`FastHttpUser`'s client over the ring."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.server import StreamServer
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser
from locust.contrib.fasthttp import FastResponse, LocustBadStatusCode, ResponseContextManager
from locust.exception import LocustError

from loadcore.locustfiles.crossing import NS, Timeouts, Verdict
from loadcore.locustfiles.fast_response import PlainFastResponse
from tests.locustfiles.double import DoubleAnswer, DoubleCrossing


class Shopper(FastHttpUser):
    """A user with timeouts of its own."""

    host = "http://shop.test"
    network_timeout = 5.0
    connection_timeout = 2.0


@pytest.fixture
def user(environment: Any) -> Any:
    """A user."""
    return Shopper(environment)


def test_a_plain_response_is_a_fast_response(crossing: DoubleCrossing, user: Any) -> None:
    """With all that user code reads of one."""
    crossing.respond = lambda _wish: DoubleAnswer(200, b'{"a": 1}', [(b"Content-Type", b"application/json")])
    response = user.client.get("/items", params={"b": 2})
    assert type(response) is PlainFastResponse
    assert isinstance(response, FastResponse)
    assert (response.status_code, response.ok, response.content, response.text) == (200, True, b'{"a": 1}', '{"a": 1}')
    assert response.json() == {"a": 1}
    assert response.headers["content-TYPE"] == "application/json"
    assert response.url == "http://shop.test/items"
    assert response.request.method == "GET"
    assert user.client.post("/items", json={"a": 1}).request.body == '{"a": 1}'
    assert list(response.iter_content(4)) == ['{"a"', ": 1}"]
    response.raise_for_status()
    with pytest.raises(LocustError):
        response.failure("no")
    wish = crossing.wishes[0]
    assert (wish.name, wish.url) == ("/items", "http://shop.test/items?b=2")
    assert wish.timeouts == Timeouts(2 * NS, 5 * NS)
    assert not wish.verify


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("GET", {}),
    ("POST", {}),
    ("POST", {"json": {"a": "ü"}}),
    ("POST", {"json": {"a": 1}, "headers": {"accept": "text/html"}}),
    ("POST", {"data": {"a": "b c"}}),
    ("POST", {"data": "täxt"}),
    ("PUT", {"data": "{}", "headers": {"Content-Type": "application/json"}}),
    ("PATCH", {"data": b"\x00"}),
    ("GET", {"headers": {"Accept-Encoding": "identity", "X-A": "1"}}),
    ("DELETE", {"params": {"a": "b c"}}),
]


@pytest.mark.parametrize(("method", "options"), CALLS)
def test_a_plain_call_sends_what_geventhttpclient_would(
    crossing: DoubleCrossing, user: Any, method: str, options: dict[str, Any]
) -> None:
    """A path that is not plain goes through geventhttpclient itself, and must come out the same."""
    user.client.request(method, "/a", **{**options, "headers": dict(options.get("headers", {}))})
    user.client.auth_header = "Basic x"
    user.client.request(method, "/a", **{**options, "headers": dict(options.get("headers", {}))})
    first, second = crossing.wishes
    assert (first.name, first.method, first.url, first.body) == (second.name, second.method, second.url, second.body)
    assert (first.timeouts, first.verify) == (second.timeouts, second.verify)
    fields = [{(name.lower(), value) for name, value in wish.headers} for wish in crossing.wishes]
    assert fields[1] - fields[0] == {("authorization", "Basic x")}
    assert fields[0] <= fields[1]


def test_statuses_are_judged_as_geventhttpclient_does(crossing: DoubleCrossing, environment: Any, user: Any) -> None:
    """What is not a success is `LocustBadStatusCode`, and still has its content."""
    crossing.respond = lambda _wish: DoubleAnswer(404, b"gone")
    response = user.client.get("/a")
    assert (response.status_code, response.text, response.ok) == (404, "gone", False)
    assert isinstance(response.error, LocustBadStatusCode)
    (error,) = environment.stats.errors.values()
    assert error.parse_error(error.error) == "LocustBadStatusCode(code=404)"
    assert len(crossing.wishes) == 1


def test_a_request_without_a_response_has_no_content(crossing: DoubleCrossing, environment: Any, user: Any) -> None:
    """And the error of the socket."""
    crossing.respond = lambda _wish: DoubleAnswer(0, b"", outcome="connect_refused")
    response = user.client.get("/a")
    assert (response.status_code, response.content, response.text) == (0, None, None)
    assert isinstance(response.error, ConnectionRefusedError)
    assert environment.stats.total.num_failures == 1
    assert len(crossing.wishes) == 1


def test_redirects_are_followed_in_one_call(crossing: DoubleCrossing, environment: Any, user: Any) -> None:
    """With cookies, up to the limit of the class."""

    def respond(wish: Any) -> DoubleAnswer:
        if wish.url.endswith("/old"):
            return DoubleAnswer(303, b"", [(b"Location", b"/new"), (b"Set-Cookie", b"a=b; Path=/")])
        return DoubleAnswer(200, b"there")

    crossing.respond = respond
    assert user.client.post("/old", json={}).text == "there"
    assert [(wish.method, wish.url, wish.name) for wish in crossing.wishes] == [
        ("POST", "http://shop.test/old", "/old"),
        ("GET", "http://shop.test/new", "/old"),
    ]
    assert crossing.settled == [("/old", Verdict.SUPERSEDED)]
    assert environment.stats.get("/old", "POST").num_requests == 1
    user.client.get("/again")
    assert dict(crossing.wishes[-1].headers)["Cookie"] == "a=b"


def test_rest_parses_and_judges(crossing: DoubleCrossing, environment: Any, user: Any) -> None:
    """`js` is the document; a failed assertion and a body that is not JSON are failures."""
    crossing.respond = lambda wish: DoubleAnswer(200, b"{" if "broken" in wish.url else b'{"a": 1}')
    with user.rest("GET", "/good") as response:
        assert response.js == {"a": 1}
    with user.rest("GET", "/assert"):
        raise AssertionError("not two")
    with user.rest("POST", "/broken", json={"x": 1}):
        pass
    assert crossing.settled == [("/good", Verdict.OK), ("/assert", Verdict.ERROR), ("/broken", Verdict.ERROR)]
    errors = {error.name: str(error.error) for error in environment.stats.errors.values()}
    assert errors["/assert"] == "not two"
    assert errors["/broken"].startswith("Could not parse response as JSON. {, response code 200")


def test_the_last_word_of_a_block_decides(crossing: DoubleCrossing, user: Any) -> None:
    """A success may be a failure, and a failure a success."""
    crossing.respond = lambda wish: DoubleAnswer(500 if "bad" in wish.url else 200)
    with user.client.get("/bad", catch_response=True) as response:
        assert isinstance(response, ResponseContextManager)
        response.success()
    with user.client.get("/good", catch_response=True) as response:
        response.failure("too small")
    with user.client.get("/neither", catch_response=True):
        pass
    assert crossing.settled == [("/bad", Verdict.OK), ("/good", Verdict.ERROR), ("/neither", Verdict.OK)]


class OfAPool(Shopper):
    """A user whose pool says nothing of timeouts."""

    client_pool = HTTPClientPool(concurrency=1)


def test_a_user_has_as_many_requests_under_way_as_its_pool_allows(crossing: DoubleCrossing, environment: Any) -> None:
    """Ten to a host, or as many as a shared pool has; also where geventhttpclient prepares them."""
    crossing.respond = lambda _wish: None
    own, first, second = Shopper(environment), OfAPool(environment), OfAPool(environment)
    calls = [gevent.spawn(own.client.get, "/own", auth=("a", "b") if number % 2 else None) for number in range(25)]
    calls += [gevent.spawn(user.client.get, "/shared") for user in (first, second)]
    gevent.sleep(0.05)
    assert [wish.name for wish in crossing.wishes] == ["/own"] * 10 + ["/shared"]
    gevent.killall(calls)


def test_a_file_that_closes_connections_sends_its_requests(crossing: DoubleCrossing, user: Any) -> None:
    """With the header, which the engine heeds: of a call, and of the class."""
    assert user.client.get("/a", headers={"Connection": "close"}).status_code == 200

    class Closing(Shopper):
        default_headers = {"connection": "close"}  # noqa: RUF012 - as files have it

    assert Closing(user.environment).client.get("/b").status_code == 200
    sent = [[each for each in wish.headers if each[0].lower() == "connection"] for wish in crossing.wishes]
    assert [[value for _, value in headers] for headers in sent] == [["close"], ["close"]]


class Recorded(Shopper):
    """With the headers of a browser."""

    default_headers = {"Connection": "keep-alive", "X-A": "1"}  # noqa: RUF012 - as files have it


def test_a_recorded_file_sends_its_requests(crossing: DoubleCrossing, environment: Any) -> None:
    """Browsers ask for connections that are kept."""
    client = Recorded(environment).client
    assert client.get("/a").status_code == 200
    assert client.get("/b", auth=("a", "b")).status_code == 200
    for wish in crossing.wishes:
        names = {name.lower() for name, _ in wish.headers}
        assert ("x-a" in names, "connection" in names) == (True, False)


def test_times_are_the_engines_where_a_call_does_not_go_well(crossing: DoubleCrossing, environment: Any) -> None:
    """Redirects included; without a response, until that was known. A block may say something else."""
    answers = {
        "/302": DoubleAnswer(302, head=[(b"Location", b"/200")]),
        "/500": DoubleAnswer(500),
        "/cut": DoubleAnswer(0, outcome="timeout_headers"),
    }
    crossing.respond = lambda wish: answers.get(wish.url.removeprefix("http://shop.test"), DoubleAnswer())
    client = Shopper(environment).client
    for path in (*answers, "/200"):
        client.get(path)
    with client.get("/500", name="/own", catch_response=True) as response:
        response.request_meta["response_time"] = 7
    stats = environment.stats
    times = {path: stats.get(path, "GET").total_response_time for path in (*answers, "/200", "/own")}
    assert times == {"/302": 3.0, "/500": 1.5, "/cut": 1.7, "/200": 1.5, "/own": 7}


def test_a_pool_of_ones_own_has_the_settings_of_geventhttpclient(crossing: DoubleCrossing, environment: Any) -> None:
    """It gives up after five seconds."""
    Shopper(environment).client.get("/a")
    OfAPool(environment).client.get("/b")
    assert [wish.timeouts for wish in crossing.wishes] == [Timeouts(2 * NS, 5 * NS), Timeouts(5 * NS, 5 * NS)]


@pytest.mark.parametrize(("url", "options"), [("//double", {}), ("/", {"headers": {"X A": "1"}})])
def test_what_geventhttpclient_refuses_it_refuses(
    crossing: DoubleCrossing, user: Any, url: str, options: dict[str, Any]
) -> None:
    """The file's mistake is the error that it is with Locust, and nothing is sent."""
    with pytest.raises(ValueError, match="invalid"):
        user.client.get(url, **options)
    assert crossing.wishes == []


def test_a_body_in_pieces_is_sent_by_geventhttpclient(crossing: DoubleCrossing, environment: Any) -> None:
    """Chunk by chunk; and what cannot be a body is the error that it is with Locust."""
    received: list[bytes] = []

    def serve(connection: Any, _address: Any) -> None:
        while not received or b"0\r\n\r\n" not in received[-1]:
            received.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    here = f"http://127.0.0.1:{server.server_port}"
    client = Shopper(environment).client
    assert client.post(f"{here}/", data=iter([b"one", b"two"])).text == "ok"
    assert b"".join(received).endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    with pytest.raises(AttributeError, match="'list' object has no attribute 'read'"):
        client.post(f"{here}/", data=[1, 2])
    assert crossing.wishes == []
    server.stop()
