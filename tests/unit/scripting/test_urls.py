"""URLs of calls: values fill the braces, and the step is called by the URL as written."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore import env
from loadcore.scripting import urls
from loadcore.scripting.urls import url_of


@pytest.mark.parametrize(
    ("written", "values", "url", "name"),
    [
        ("/items", (), "/items", "GET /items"),
        ("/items/{id}", (7,), "/items/7", "GET /items/{id}"),
        ("/a/{}/b/{}", ("x", True), "/a/x/b/true", "GET /a/{}/b/{}"),
        ("/items/{id}", ("a/b c?ü",), "/items/a%2Fb%20c%3F%C3%BC", "GET /items/{id}"),
        ("/files/{path:raw}", ("a/b",), "/files/a/b", "GET /files/{path:raw}"),
        ("/items?limit={n}", (5,), "/items?limit=5", "GET /items"),
        ("/a{{b}}", (), "/a%7Bb%7D", "GET /a{{b}}"),
        ("/ü b", (), "/%C3%BC%20b", "GET /ü b"),
        ("/a%20b#c", (), "/a%20b", "GET /a%20b"),
        ("items", (), "/items", "GET items"),
        ("https://other.test/x/{id}", (1,), "https://other.test/x/1", "GET /x/{id}"),
    ],
)
def test_values_fill_the_braces(written: str, values: Any, url: str, name: str) -> None:
    """In their order and percent-encoded; the name keeps the braces."""
    assert url_of(written).fill("GET", values) == url
    assert url_of(written).name("GET") == name


def test_a_secret_fills_a_brace(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from the environment, and is not part of the name."""
    monkeypatch.setenv("KEY", "s3/cret")
    assert url_of("/a/{key}").fill("GET", (env("KEY"),)) == "/a/s3%2Fcret"


@pytest.mark.parametrize(
    ("written", "values", "message"),
    [
        ("/items/{id}", (), "c.get('/items/{id}') takes 1 value for its braces, and got 0"),
        ("/a/{x}/{y}", (1, 2, 3), "c.get('/a/{x}/{y}') takes 2 values for its braces, and got 3"),
        ("/items/7", (7,), "c.get('/items/7') has no {} to put the value in, and got 1 value"),
        ("/items/{id", (7,), 'the URL "/items/{id" has a brace without its counterpart: write {{ for a brace'),
        ("/items/{id}", ([7],), "a list cannot be part of a request: give a string or a number"),
    ],
)
def test_urls_that_make_no_sense(written: str, values: Any, message: str) -> None:
    """The message has both numbers, or says what to write."""
    with pytest.raises(TypeError) as caught:
        url_of(written).fill("GET", values)
    assert str(caught.value) == message


def test_urls_of_any_number_take_no_memory() -> None:
    """A script that makes its URLs by itself has as many as there are ids."""
    for number in range(urls._MOST_KEPT + 10):
        url_of(f"/items/{number}")
    assert len(urls._kept) <= urls._MOST_KEPT
