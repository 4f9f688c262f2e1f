"""A page on this machine is for those who have its address, and for no other site."""

from __future__ import annotations

import pytest

from loadcore.live.web.guard import Guard, foreign

GUARD = Guard(5666, "token")


@pytest.mark.parametrize("host", ["127.0.0.1:5666", "localhost:5666", "[::1]:5666", "LOCALHOST:5666"])
def test_this_machine_may_ask(host: str) -> None:
    """By whichever of its names, and from the page itself."""
    assert GUARD.refusal({"host": host}) is None
    assert GUARD.refusal({"host": host, "origin": "http://127.0.0.1:5666"}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5666", "127.0.0.1:80", "127.0.0.1", "", "127.0.0.1.evil.example:5666"]
)
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    """A site can make its own name point here; that is how it would read the page."""
    assert GUARD.refusal({"host": host}) == "this page is served under 127.0.0.1 only"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:81", "https://127.0.0.1:5666"])
def test_another_site_is_refused(origin: str) -> None:
    """Whatever page asks from elsewhere does not get an answer."""
    assert GUARD.refusal({"host": "127.0.0.1:5666", "origin": origin}) == "other sites may not read this page"


@pytest.mark.parametrize("given", [None, "", "Token", "token ", "töken"])
def test_the_token_is_exact(given: str | None) -> None:
    """Nothing else will do."""
    assert GUARD.knows("token")
    assert not GUARD.knows(given)


def test_a_change_comes_from_the_page() -> None:
    """A form of another site can send neither JSON nor the page's origin."""
    own = {"origin": "http://127.0.0.1:5666", "content-type": "application/json"}
    assert foreign(own) is None
    for name in own:
        assert foreign({key: value for key, value in own.items() if key != name}) is not None
    assert foreign(own | {"content-type": "text/plain"}) is not None
