"""`get`, `post` and the others of a client, which do not go through its `request` where nothing else listens there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from locust import FastHttpUser, HttpUser
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from loadcore.locustfiles.shortcuts import METHODS

if TYPE_CHECKING:
    from tests.locustfiles.double import DoubleCrossing

KINDS = (HttpUser, FastHttpUser)
SESSIONS = (HttpSession, FastHttpSession)


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, environment: Any) -> Any:
    """The client of a user of either kind."""
    return type("Shopper", (request.param,), {"host": "http://shop.test"})(environment).client


@pytest.mark.parametrize("method", METHODS)
def test_each_does_what_request_does(crossing: DoubleCrossing, client: Any, method: str) -> None:
    """With the same words."""
    words: dict[str, Any] = {"name": "it", "headers": {"X-A": "1"}}
    follows = {"allow_redirects": False} if method == "head" and isinstance(client, HttpSession) else {}
    short = getattr(client, method)("/a", **words)
    full = client.request(method.upper(), "/a", **words, **follows)
    first, second = crossing.wishes
    assert (first.name, first.method, first.url, first.body, first.headers, first.hold) == (
        second.name,
        second.method,
        second.url,
        second.body,
        second.headers,
        second.hold,
    )
    assert (short.status_code, type(short)) == (full.status_code, type(full))


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_body_needs_no_name(crossing: DoubleCrossing, client: Any, method: str) -> None:
    """It comes after the URL."""
    getattr(client, method)("/a", "text")
    getattr(client, method)("/a", data="text")
    assert [wish.body for wish in crossing.wishes] == [b"text", b"text"]
    assert crossing.wishes[0].headers == crossing.wishes[1].headers


def test_json_needs_no_name_where_a_body_is_posted(crossing: DoubleCrossing, client: Any) -> None:
    """It comes after the data."""
    client.post("/a", None, {"b": 1})
    assert crossing.wishes[0].body == b'{"b": 1}'


@pytest.mark.parametrize(("method", "given"), [("get", ("/a", "b")), ("put", ("/a", "b", "c")), ("get", ())])
def test_what_locust_refuses_is_refused(
    crossing: DoubleCrossing, client: Any, method: str, given: tuple[str, ...]
) -> None:
    """In Python's words, with the name of the method."""
    with pytest.raises(TypeError, match=rf"{method}\(\)"):
        getattr(client, method)(*given)
    with pytest.raises(TypeError, match=r"post\(\) got multiple values for argument 'data'"):
        client.post("/a", "b", data="c")
    assert crossing.wishes == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_of_its_own_hears_of_all_calls(crossing: DoubleCrossing, environment: Any, kind: type) -> None:
    """Of a class, of an object, and one that was put into Locust's class."""
    seen: list[tuple[str, str, dict[str, Any]]] = []
    user: Any = type("Shopper", (kind,), {"host": "http://shop.test"})(environment)
    session = type(user.client)

    class Own(session):  # type: ignore[misc, valid-type]
        """A client that says what it is asked for."""

        def request(self, method: str, url: str, **options: Any) -> Any:
            """Note a call."""
            seen.append((method, url, options))
            return super().request(method, url, **options)

    user.client.__class__ = Own
    user.client.get("/a", name="b")
    assert seen.pop()[:2] == ("GET", "/a")
    user.client.__class__ = session
    user.client.request = lambda method, url, **options: seen.append((method, url, options))
    user.client.post("/a", {"c": "d"})
    assert seen.pop()[:2] == ("POST", "/a")
    del user.client.request
    before = session.request
    session.request = lambda _session, method, url, **options: seen.append((method, url, options))
    try:
        user.client.head("/a")
    finally:
        session.request = before
    assert seen.pop()[:2] == ("HEAD", "/a")
    assert len(crossing.wishes) == 1


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("method", [*METHODS, "request"])
def test_signatures_are_those_of_locust(crossing: DoubleCrossing, session: type, method: str) -> None:
    """As editors show them."""
    assert crossing.wishes == []
    signature = inspect.signature(getattr(session, method))
    assert list(signature.parameters)[:2] == ["self", "url" if method != "request" else "method"]


def test_a_session_with_a_send_of_its_own_uses_it(crossing: DoubleCrossing, environment: Any) -> None:
    """Also if it was put into the object, after calls that did without."""
    user: Any = type("Shopper", (HttpUser,), {"host": "http://shop.test"})(environment)
    user.client.get("/a")
    sent: list[str] = []
    original = user.client.send

    def send(request: Any, **options: Any) -> Any:
        sent.append(request.url)
        return original(request, **options)

    user.client.send = send
    user.client.get("/a")
    assert sent == ["http://shop.test/a"]
    assert len(crossing.wishes) == 2
