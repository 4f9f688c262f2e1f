"""`HttpUser`'s client over the ring."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import gevent
import pytest
import requests
from gevent.server import StreamServer
from gevent.threadpool import ThreadPool
from locust import HttpUser
from locust.clients import HttpSession
from locust.exception import CatchResponseError, LocustError, ResponseError
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from urllib3 import Retry

from loadcore.locustfiles.calls import ForeignThreadError
from loadcore.locustfiles.crossing import Hold, Verdict
from loadcore.locustfiles.requests_response import PlainResponse
from tests.locustfiles.double import DoubleAnswer, DoubleCrossing

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def client(environment: Any) -> Any:
    """The client of a user."""

    class Shopper(HttpUser):
        host = "http://shop.test"

    return Shopper(environment).client


def logged(environment: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and failures by name and method."""
    entries = environment.stats.entries
    return {key: (entry.num_requests, entry.num_failures) for key, entry in entries.items()}


def test_a_plain_response_is_a_response_of_requests(crossing: DoubleCrossing, client: Any) -> None:
    """With all that user code reads of one."""
    body = '{"id": "ü"}'.encode()
    head = [(b"Content-Type", b"application/json; charset=utf-8"), (b"X-A", b"1"), (b"x-a", b"2")]
    crossing.respond = lambda _wish: DoubleAnswer(201, body, head)
    response = client.post("/items?a=b", json={"x": 1}, headers={"X-Own": "y"})
    assert type(response) is PlainResponse
    assert isinstance(response, requests.Response)
    assert (response.status_code, response.ok, bool(response), response.reason) == (201, True, True, "Created")
    assert (response.json(), response.text, response.content) == ({"id": "ü"}, '{"id": "ü"}', body)
    assert response.headers["CONTENT-type"] == "application/json; charset=utf-8"
    assert response.headers["x-a"] == "1, 2"
    assert response.encoding == "utf-8"
    assert response.elapsed == dt.timedelta(milliseconds=1.5)
    assert response.url == "http://shop.test/items?a=b"
    assert (response.history, list(response.cookies), response.is_redirect) == ([], [], False)
    assert response.request.headers["X-Own"] == "y"
    assert (response.request.method, response.request.body) == ("POST", b'{"x": 1}')
    assert response.request.path_url == "/items?a=b"
    assert response.raw.status == 201
    assert list(response.iter_lines()) == [body]
    assert response.request_meta["name"] == "/items?a=b"
    response.raise_for_status()
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = response.nonsense
    with pytest.raises(LocustError):
        response.success()


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/", {}),
    ("GET", "/items", {"params": {"a": "b c", "d": 5}}),
    ("GET", "/items?x=1", {"params": {"a": "ü"}}),
    ("HEAD", "/", {}),
    ("POST", "/", {}),
    ("POST", "/", {"data": {}}),
    ("POST", "/", {"data": {"a": "b", "c": ["d", "e f"]}}),
    ("POST", "/", {"data": [("a", "b"), ("a", "c")]}),
    ("POST", "/", {"data": "täxt"}),
    ("POST", "/", {"data": b"\x00\xff"}),
    ("PUT", "/a/b~c;d", {"json": {"a": [1, None, "ü"]}}),
    ("PATCH", "/", {"json": [], "headers": {"content-type": "application/merge-patch+json"}}),
    ("POST", "/", {"data": {"a": 1}, "json": {"b": 2}}),
    ("DELETE", "/", {"headers": {"X-A": "1", "accept": "text/html"}}),
    ("GET", "/", {"auth": ("user", "wörd"), "headers": {"Authorization": "Bearer x"}}),
    ("OPTIONS", "/", {"timeout": (1, 2.5)}),
]


@pytest.mark.parametrize(("method", "url", "options"), CALLS)
def test_a_plain_call_sends_what_requests_would(
    crossing: DoubleCrossing, client: Any, method: str, url: str, options: dict[str, Any]
) -> None:
    """The same call with a hook goes through `requests` itself, and must come out the same."""
    client.cookies.set("seen", "yes", domain="shop.test")
    client.headers["X-Session"] = "z"
    plain = client.request(method, url, **options)
    other = client.request(method, url, hooks={"response": []}, **options)
    assert type(plain) is PlainResponse
    assert type(other) is not PlainResponse
    first, second = crossing.wishes
    assert (first.name, first.method, first.url, first.body) == (second.name, second.method, second.url, second.body)
    assert (first.timeouts, first.verify) == (second.timeouts, second.verify)
    assert {(name.lower(), value) for name, value in first.headers} == {
        (name.lower(), value) for name, value in second.headers
    }
    assert dict(first.headers)["Cookie"] == "seen=yes"


def _header(session: Any) -> None:
    session.headers["X-Session"] = "z"


def _no_header(session: Any) -> None:
    del session.headers["Accept"]


def _base_url(session: Any) -> None:
    session.base_url = "http://other.test/shop"


def _cookie(session: Any) -> None:
    session.cookies.set("seen", "yes", domain="shop.test")


def _password(session: Any) -> None:
    session.auth.password = "other"


def _auth(session: Any) -> None:
    session.auth = ("user", "word")


def _verify(session: Any) -> None:
    session.verify = False


@pytest.mark.parametrize("change", [_header, _no_header, _base_url, _cookie, _password, _auth, _verify])
def test_a_call_that_is_made_again_sends_what_the_session_is_by_then(
    crossing: DoubleCrossing, client: Any, change: Callable[[Any], None]
) -> None:
    """Requests are written once, for all sessions that are alike, and no longer than they are."""
    client.auth = HTTPBasicAuth("user", "pass")
    for _ in range(2):
        client.post("/", json={"a": 1}, headers={"X-A": "1"})
    change(client)
    client.post("/", json={"b": 2}, headers={"X-A": "1"})
    client.post("/", json={"b": 2}, headers={"X-A": "1"}, hooks={"response": []})
    first, again, plain, other = crossing.wishes
    assert (first.url, first.headers, first.body) == (again.url, again.headers, again.body)
    assert (plain.url, plain.body, plain.verify) == (other.url, other.body, client.verify)
    assert sorted(plain.headers) == sorted(other.headers)
    assert (plain.url, sorted(plain.headers), plain.verify) != (first.url, sorted(first.headers), first.verify)


def test_cookies_that_a_call_brings_are_all_it_has(crossing: DoubleCrossing, client: Any) -> None:
    """As `requests` has it: those of the session stay behind."""
    client.cookies.set("seen", "yes", domain="shop.test")
    client.get("/", headers={"cookie": "own=1"})
    client.get("/", headers={"cookie": "own=1"}, hooks={"response": []})
    plain, other = ([each for each in wish.headers if each[0].lower() == "cookie"] for wish in crossing.wishes)
    assert [value for _, value in plain] == [value for _, value in other] == ["own=1"]


def test_users_that_ask_the_same_share_what_is_sent(crossing: DoubleCrossing, environment: Any) -> None:
    """Ten thousand users do not keep ten thousand copies of it."""

    class Shopper(HttpUser):
        host = "http://shop.test"

    for _ in range(2):
        Shopper(environment).client.get("/", headers={"X-A": "1"})
    first, second = crossing.wishes
    assert first is second


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("/a/../b", {}),
        ("/ä", {}),
        ("/a b", {}),
        ("/%7Ea", {}),
        ("http://other.test/x", {}),
        ("/", {"files": {"f": ("a.txt", b"abc")}}),
        ("/", {"auth": lambda request: request}),
        ("/", {"cookies": {"a": "b"}}),
        ("/", {"data": iter([b"a", b"b"])}),
        ("/", {"headers": {"X-A": None}}),
        ("/", {"headers": {b"X-A": b"1"}}),
        ("/", {"params": {"a": ["b", "c"]}}),
        ("/#part", {}),
    ],
)
def test_what_is_not_plain_is_left_to_requests(
    crossing: DoubleCrossing, environment: Any, client: Any, url: str, options: dict[str, Any]
) -> None:
    """And still goes over the ring, with one row and one entry of the statistics."""
    response = client.post(url, **options)
    assert type(response) is not PlainResponse
    assert response.status_code == 200
    assert len(crossing.wishes) == 1
    assert environment.stats.total.num_requests == 1
    assert crossing.rows == []


@pytest.mark.parametrize("name", ["Connection", "connection"])
def test_a_file_that_closes_connections_sends_its_requests(crossing: DoubleCrossing, client: Any, name: str) -> None:
    """With the header, which the engine heeds: of a call, of the session, and where `requests` itself prepares it."""
    assert client.get("/a", headers={name: "close"}).status_code == 200
    client.headers[name] = "TE, Close"
    assert client.post("/b", files={"a": b"b"}).status_code == 200
    client.headers[name] = "close"
    assert client.post("/c", json={}).status_code == 200
    client.headers[name] = "keep-alive"
    assert client.get("/d").status_code == 200
    sent = [[(each, value) for each, value in wish.headers if each.lower() == "connection"] for wish in crossing.wishes]
    assert sent == [[(name, "close")], [(name, "close")], [(name, "close")], []]
    assert "content-length" not in {each.lower() for wish in crossing.wishes for each, _ in wish.headers}


def test_names_are_as_locust_has_them(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """Path and query, or what the call or the block says."""
    client.get("/items", params={"a": 1})
    client.get("/items/7", name="/items/[id]")
    with client.rename_request("renamed"):
        client.get("/a")
        client.get("/ü")
    client.get("/ü?x=y")
    names = [wish.name for wish in crossing.wishes]
    assert names == ["/items?a=1", "/items/[id]", "renamed", "renamed", "/%C3%BC?x=y"]
    assert {name for name, _ in logged(environment)} == set(names)


def test_redirects_are_one_call_with_a_history(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """Each hop is a request; the statistics and the event know one, by the first name, with the time of all."""

    def respond(wish: Any) -> DoubleAnswer:
        if wish.url.endswith("/old"):
            return DoubleAnswer(302, b"", [(b"Location", b"/new"), (b"Set-Cookie", b"a=b; Path=/")])
        return DoubleAnswer(200, b"there")

    crossing.respond = respond
    seen: list[dict[str, Any]] = []
    environment.events.request.add_listener(lambda **meta: seen.append(meta))
    response = client.get("/old")
    assert [each.status_code for each in response.history] == [302]
    assert response.history[0].cookies["a"] == "b"
    assert (response.text, response.url) == ("there", "http://shop.test/new")
    assert [(wish.name, wish.url) for wish in crossing.wishes] == [
        ("/old", "http://shop.test/old"),
        ("/old", "http://shop.test/new"),
    ]
    assert dict(crossing.wishes[1].headers)["Cookie"] == "a=b"
    assert logged(environment) == {("/old", "GET"): (1, 0)}
    assert crossing.settled == [("/old", Verdict.SUPERSEDED)]
    assert [(meta["name"], meta["response_time"], meta["url"]) for meta in seen] == [
        ("/old", 3.0, "http://shop.test/old")
    ]


def test_a_redirect_that_is_not_followed_is_a_success(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """With `allow_redirects=False` the redirect is the response."""
    crossing.respond = lambda _wish: DoubleAnswer(302, b"", [(b"Location", b"/new")])
    assert client.get("/old", allow_redirects=False).status_code == 302
    assert client.head("/old").status_code == 302
    assert len(crossing.wishes) == 2
    assert logged(environment) == {("/old", "GET"): (1, 0), ("/old", "HEAD"): (1, 0)}


def test_cookies_are_kept_for_the_user(crossing: DoubleCrossing, client: Any) -> None:
    """They are sent back until they change."""
    crossing.respond = lambda wish: DoubleAnswer(head=[(b"Set-Cookie", b"a=b")] if "login" in wish.url else [])
    client.get("/login")
    client.get("/a")
    client.get("/a")
    client.cookies.set("a", "c", domain="shop.test", path="/")
    client.get("/a")
    client.cookies.clear()
    client.get("/a")
    assert [dict(wish.headers).get("Cookie") for wish in crossing.wishes] == [None, "a=b", "a=b", "a=c", None]


def test_a_request_without_a_response_is_a_failure(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """Status 0, the error on the response, and in the statistics what the socket said."""
    crossing.respond = lambda _wish: DoubleAnswer(0, b"", outcome="connect_refused")
    response = client.get("/")
    assert (response.status_code, response.content, response.text) == (0, None, "")
    assert isinstance(response.error, requests.exceptions.ConnectionError)
    with pytest.raises(requests.exceptions.ConnectionError):
        response.raise_for_status()
    assert [error.error for error in environment.stats.errors.values()] == [
        ConnectionRefusedError(111, "Connection refused")
    ] or "Connection refused" in str(next(iter(environment.stats.errors.values())).error)
    assert len(crossing.wishes) == 1


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("timeout_headers", requests.exceptions.ReadTimeout),
        ("connect_timeout", requests.exceptions.ConnectTimeout),
        ("dns_nxdomain", requests.exceptions.ConnectionError),
        ("tls_cert_untrusted", requests.exceptions.SSLError),
        ("closed_before_response", requests.exceptions.ConnectionError),
        ("proto_status_line", requests.exceptions.ConnectionError),
        ("closed_in_body", requests.exceptions.ConnectionError),
    ],
)
def test_outcomes_are_the_exceptions_of_requests(
    crossing: DoubleCrossing, environment: Any, client: Any, outcome: str, kind: type[Exception]
) -> None:
    """A file that looks at their types finds those it knows; it took as long as it took to find out."""
    crossing.respond = lambda _wish: DoubleAnswer(0, b"", outcome=outcome, service_ns=0)
    assert isinstance(client.get("/").error, kind)
    assert environment.stats.total.num_failures == 1
    assert environment.stats.total.total_response_time == 1.7


def test_statuses_from_400_on_are_failures(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """In the words of `requests`, with the name in place of the URL."""
    crossing.respond = lambda _wish: DoubleAnswer(404, b"gone")
    response = client.get("/items/7", name="/items/[id]")
    assert response.url == "http://shop.test/items/7"
    assert logged(environment) == {("/items/[id]", "GET"): (1, 1)}
    (error,) = environment.stats.errors.values()
    assert "404 Client Error: Not Found for url: /items/[id]" in str(error.error)


def test_the_last_word_of_a_block_decides(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """A success may be a failure, and a failure a success; rows wait for it."""
    crossing.respond = lambda wish: DoubleAnswer(404 if "missing" in wish.url else 200)
    with client.get("/missing", catch_response=True) as response:
        response.failure("no")
        response.success()
    with client.get("/there", catch_response=True) as response:
        response.success()
        response.failure("too small")
    with client.get("/neither", catch_response=True):
        pass
    with client.get("/raises", catch_response=True):
        raise ResponseError("own")
    assert {wish.hold for wish in crossing.wishes} == {Hold.ALL}
    assert crossing.settled == [
        ("/missing", Verdict.OK),
        ("/there", Verdict.ERROR),
        ("/neither", Verdict.OK),
        ("/raises", Verdict.ERROR),
    ]
    assert {name: failures for (name, _), (_, failures) in logged(environment).items()} == {
        "/missing": 0,
        "/there": 1,
        "/neither": 0,
        "/raises": 1,
    }
    errors = {error.name: error.error for error in environment.stats.errors.values()}
    assert isinstance(errors["/there"], CatchResponseError)


def test_an_exception_in_a_block_is_not_counted_and_goes_on(
    crossing: DoubleCrossing, environment: Any, client: Any
) -> None:
    """Its row counts as its status says, since the request was made."""
    crossing.respond = lambda wish: DoubleAnswer(500 if "bad" in wish.url else 200)
    for path in ("/good", "/bad"):
        with pytest.raises(ValueError, match="mine"), client.get(path, catch_response=True):
            raise ValueError("mine")
    assert logged(environment) == {}
    assert crossing.settled == [("/good", Verdict.OK), ("/bad", Verdict.ERROR)]


def test_a_user_that_is_killed_in_a_block_interrupts_its_request(crossing: DoubleCrossing, client: Any) -> None:
    """It is neither a success nor a failure."""

    def wait() -> None:
        with client.get("/", catch_response=True):
            gevent.sleep(60)

    greenlet = gevent.spawn(wait)
    gevent.sleep(0.05)
    greenlet.kill()
    assert crossing.settled == [("/", Verdict.INTERRUPTED)]


def test_a_response_without_its_block_counts_as_its_status_says(crossing: DoubleCrossing, client: Any) -> None:
    """As soon as it is forgotten; Locust's statistics never hear of it."""
    response = client.get("/", catch_response=True)
    with pytest.raises(LocustError):
        response.failure("outside")
    assert crossing.settled == []
    del response
    gevent.sleep(0)
    assert crossing.settled == [("/", Verdict.OK)]


def test_a_block_without_catch_response_is_an_error(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """The request is counted before."""
    with pytest.raises(LocustError), client.get("/"):
        pass
    assert logged(environment) == {("/", "GET"): (1, 0)}
    assert crossing.settled == []


def test_a_request_of_a_killed_user_is_given_up(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """And counted nowhere."""
    crossing.respond = lambda _wish: None
    greenlet = gevent.spawn(client.get, "/slow")
    gevent.sleep(0.05)
    greenlet.kill()
    assert [each.wish.name for each in crossing.cancelled if each.wish] == ["/slow"]
    assert logged(environment) == {}


def test_each_greenlet_gets_its_own_answer(crossing: DoubleCrossing, client: Any) -> None:
    """Whoever waits longest."""
    crossing.respond = lambda wish: DoubleAnswer(body=wish.url.encode())
    greenlets = [gevent.spawn(client.get, f"/{number}") for number in range(50)]
    gevent.joinall(greenlets, timeout=60)
    assert [each.value.text for each in greenlets] == [f"http://shop.test/{number}" for number in range(50)]


def test_a_thread_of_its_own_may_not_call(client: Any) -> None:
    """The error names the thread and says what to use."""
    pool = ThreadPool(1)
    with pytest.raises(ForeignThreadError, match=r"GET http://shop.test/ was called from the thread .*gevent.spawn"):
        pool.apply(client.get, ("/",))
    pool.kill()


def test_a_second_session_for_another_host_is_of_the_same_user(crossing: DoubleCrossing, environment: Any) -> None:
    """Made by hand, as Locust's documentation shows."""

    class Shopper(HttpUser):
        host = "http://user:word@shop.test/api"

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.other = HttpSession("http://other.test", self.client.request_event, self)

    user = Shopper(environment)
    user.client.get("/a")
    user.other.get("/b")
    assert [wish.url for wish in crossing.wishes] == ["http://shop.test/api/a", "http://other.test/b"]
    assert dict(crossing.wishes[0].headers)["Authorization"] == "Basic dXNlcjp3b3Jk"
    assert logged(environment) == {("/api/a", "GET"): (1, 0), ("/b", "GET"): (1, 0)}


def test_a_header_that_http_does_not_have_is_sent_by_requests(crossing: DoubleCrossing, client: Any) -> None:
    """It is sent with Locust, so it is here: the engine would refuse it."""
    received: list[bytes] = []

    def serve(connection: Any, _address: Any) -> None:
        received.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    response = client.get(f"http://127.0.0.1:{server.server_port}/", headers={"X A": "1"})
    assert (response.text, crossing.wishes) == ("ok", [])
    assert b"\r\nX A: 1\r\n" in received[0]
    server.stop()


def _digest(client: Any) -> Any:
    return client.get("/again", auth=HTTPDigestAuth("user", "secret"))


def _of_session(client: Any) -> Any:
    client.auth = HTTPDigestAuth("user", "secret")
    return client.get("/again")


def _retried(client: Any) -> Any:
    client.mount("http://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[401], backoff_factor=0)))
    return client.get("/again")


@pytest.mark.parametrize("call", [_digest, _of_session, _retried])
def test_what_a_call_sends_again_takes_the_place_of_what_it_sent(
    crossing: DoubleCrossing, environment: Any, client: Any, call: Callable[[Any], Any]
) -> None:
    """By a hook or by an adapter: the call is as good as its last answer, as in Locust's statistics."""
    asked = [(b"WWW-Authenticate", b'Digest realm="shop", nonce="1", qop="auth"')]
    answers = iter([DoubleAnswer(401, head=asked), DoubleAnswer()])
    crossing.respond = lambda _wish: next(answers)
    assert call(client).status_code == 200
    assert crossing.settled == [("/again", Verdict.SUPERSEDED), ("/again", Verdict.OK)]
    assert logged(environment) == {("/again", "GET"): (1, 0)}


def test_messages_of_timeouts_are_those_of_urllib3(crossing: DoubleCrossing, environment: Any, client: Any) -> None:
    """Locust's statistics have an entry for each message."""
    crossing.respond = lambda _wish: DoubleAnswer(0, outcome="timeout_headers")
    client.get("/slow", timeout=0.2)
    said = [str(each.error) for each in environment.stats.errors.values()]
    assert said == ["HTTPConnectionPool(host='shop.test', port=80): Read timed out. (read timeout=0.2)"]
