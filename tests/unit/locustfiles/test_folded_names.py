"""Names of requests that hold ids."""

from __future__ import annotations

from loadcore.locustfiles.folded_names import MOST, FoldedNames


def test_names_are_folded_once_there_are_too_many() -> None:
    """Numbers, UUIDs, long hexadecimal strings and values of a query are one; one sentence reports it."""
    said: list[str] = []
    names = FoldedNames(said.append)
    taken = [names.folded(f"GET /items/{number}") for number in range(MOST)]
    assert taken == [f"GET /items/{number}" for number in range(MOST)]
    assert said == []
    assert names.folded("GET /items/77777/of/3") == "GET /items/{}/of/{}"
    assert names.folded("GET /u/0f8fad5b-d9cb-469f-a165-70867728950e/v2") == "GET /u/{}/v{}"
    assert names.folded("GET /b/0123456789abcdef0123") == "GET /b/{}"
    assert names.folded("GET /find?q=shoes&page=2") == "GET /find?q={}&page={}"
    assert names.folded("GET /items/7") == "GET /items/7"
    assert len(said) == 1
    assert "name=" in said[0]
