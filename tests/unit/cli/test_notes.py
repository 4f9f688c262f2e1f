"""Notes before a run begins, though nothing is wrong."""

from __future__ import annotations

import pytest

from loadcore.cli.notes import proxy_note, sum_note
from loadcore.compiler import Overrides

API = "https://api.example.com:8443/v1"


@pytest.mark.parametrize(
    ("urls", "environ", "note"),
    [
        ([API], {}, None),
        ([API], {"HTTPS_PROXY": ""}, None),
        (["http://127.0.0.1:8080", "http://localhost", "http://[::1]:9"], {"HTTP_PROXY": "http://proxy:3128"}, None),
        ([API], {"HTTPS_PROXY": "http://proxy:3128"}, "HTTPS_PROXY is set, but loadcore does not use proxies"),
        ([API, API], {"all_proxy": "http://u:secret@proxy"}, "it connects to api.example.com directly"),
    ],
)
def test_a_proxy_that_is_not_used_is_told(urls: list[str], environ: dict[str, str], note: str | None) -> None:
    """Once, by the variable's name and the hosts, without its value; not for targets on this machine."""
    found = proxy_note(urls, environ)
    assert found == note if note is None else note in str(found)
    assert "secret" not in str(found)


def test_a_host_that_needs_no_proxy_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NO_PROXY names the target, nothing is ignored."""
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxy_note([API], {"HTTPS_PROXY": "http://proxy:3128"}) is None


@pytest.mark.parametrize(
    ("number", "given", "note"),
    [
        (1, {"users": 20}, None),
        (3, {"duration": "5s"}, None),
        (3, {"users": 20}, "each of the 3 scenarios gets 20 users: 60 in all"),
        (2, {"users": 1}, "each of the 2 scenarios gets 1 user: 2 in all"),
        (2, {"users": "5:10s"}, "each of the 2 scenarios gets these stages of users"),
        (3, {"rate": "100/s"}, "each of the 3 scenarios starts 100/s: 300/s in all"),
        (2, {"rate": "30/min"}, "each of the 2 scenarios starts 30/min: 1/s in all"),
    ],
)
def test_the_load_of_several_scenarios_is_added_up(number: int, given: dict[str, object], note: str | None) -> None:
    """What -u and --rate come to where each scenario gets it."""
    assert sum_note(number, [Overrides.of(given, "option")]) == note


def test_the_strongest_layer_is_added_up() -> None:
    """A rate of the command line takes the place of users of the environment; a file's load is that of some only."""
    layers = [Overrides.of({"users": 7}, "variable"), Overrides.of({"rate": "5/s"}, "option")]
    assert sum_note(2, layers) == "each of the 2 scenarios starts 5/s: 10/s in all"
    assert sum_note(2, [Overrides.of({"users": 7}, file="loadcore.toml")]) is None
