"""What a run says of its traces before it starts."""

from __future__ import annotations

import pytest

from loadcore.plan.traces import link, parse_url


def test_a_link_has_the_id_in_its_place() -> None:
    """The id goes wherever the URL names it; without a URL, nothing is linked."""
    url = parse_url("https://grafana.test/explore?id={trace_id}&from=now-1h")
    assert link(url, "6b0b") == "https://grafana.test/explore?id=6b0b&from=now-1h"
    assert link(None, "6b0b") == ""


@pytest.mark.parametrize("url", ["javascript:alert('{trace_id}')", "{trace_id}", "http://[{trace_id}"])
def test_a_run_folder_of_another_does_not_choose_what_a_link_does(url: str) -> None:
    """What its files say is a link only if it is a URL of the web."""
    assert link(url, "6b0b") == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tempo.test/{trace_id}", "is not a URL: write it as"),
        ("javascript:alert({trace_id})", "is not a URL: write it as"),
        ("https:///{trace_id}", "is not a URL: write it as"),
        ("https://tempo.test/trace", "has no {trace_id}: write {trace_id} where the id belongs"),
        (7, "is not a URL: write it as"),
    ],
)
def test_what_is_not_the_url_of_a_trace(text: object, told: str) -> None:
    """It is refused with what to write."""
    with pytest.raises(ValueError, match=told.replace("{", r"\{")):
        parse_url(text)
