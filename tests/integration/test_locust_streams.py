"""Locust's `stream=True` over the engine: users see what Locust itself gives them, and each request has a row."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest

from tests.e2e.command import environment, loadcore
from tests.integration.streaming_target import facts, streaming_target

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = Path(__file__).parents[1] / "locustfiles" / "streaming_file.py"
_WITHIN_S = 90.0


class Ran(NamedTuple):
    """A run of the file by loadcore, and one by Locust itself."""

    url: str
    ours: dict[str, Any]
    locusts: dict[str, Any]
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Both, one after the other, against targets of their own."""
    folder = tmp_path_factory.mktemp("streams")
    users = ("-u", "2", "-r", "2", "-t", "300")
    with streaming_target() as url:
        command = [sys.executable, "-m", "locust", "-f", str(_FILE), "--headless", *users, "-H", url]
        notes = folder / "locust.json"
        subprocess.run(
            command, env=environment({"NOTES": str(notes)}), cwd=folder, check=False, capture_output=True, timeout=300
        )
        locusts = json.loads(notes.read_text("utf-8"))
    with streaming_target() as url:
        notes = folder / "ours.json"
        options = ("--no-strict-client", "--progress", "lines")
        done = loadcore(
            "run", str(_FILE), *users, "-H", url, *options, cwd=folder, timeout=300, environ={"NOTES": str(notes)}
        )
        assert notes.exists(), done.stdout + done.stderr
        files = sorted((folder / "runs" / "latest").glob("requests-*.arrow"))
        rows = [row for file in files for row in pa.ipc.open_file(file).read_all().to_pylist()]
        yield Ran(url, json.loads(notes.read_text("utf-8")), locusts, rows)


def test_users_see_what_locust_gives_them(ran: Ran) -> None:
    """All ways of reading, of leaving and of failing, by both clients."""
    assert ran.ours["seen"] == ran.locusts["seen"]
    assert len(ran.ours["seen"]) > 40


def test_each_request_is_reported_once_as_locust_does(ran: Ran) -> None:
    """When its head has come, with the length that this says; in a block, at its end."""
    assert ran.ours["told"] == ran.locusts["told"]
    assert {len(each) for each in ran.ours["told"].values()} == {1}
    assert (ran.ours["requests"], ran.ours["failures"]) == (ran.locusts["requests"], ran.locusts["failures"])


def test_each_request_has_a_row_of_its_end(ran: Ran) -> None:
    """One for each, of kind http, redirects and streams that were left among them."""
    found: Counter[tuple[str, str, bool]] = Counter(
        (row["step"].partition(" ")[2], row["outcome"], row["error"]) for row in ran.rows
    )
    ways = {
        ("cut", False): ("some", "unread", "closed", "given up", "fine", "raw line"),
        ("cut", True): ("failed", "fast failed", "unread error"),
        ("interrupted", False): ("killed",),
        ("closed_in_body", True): ("broken", "broken content", "fast broken"),
        ("timeout_body", True): ("silent",),
        ("connect_refused", True): ("refused",),
        ("ok", True): ("failed first",),
    }
    expected: Counter[tuple[str, str, bool]] = Counter()
    for way, names in ways.items():
        expected.update((name, *way) for name in names)
    expected.update((name, "cut", False) for name in ("fast some", "fast unread", "fast released"))
    named = {name for name, *_ in expected}
    expected.update((name, "ok", False) for name in ran.ours["told"] if name not in named)
    expected.update((name, "ok", False) for name in ("moved", "fast moved"))
    assert found == expected


def test_times_and_bytes_are_those_of_the_whole_stream(ran: Ran) -> None:
    """The row of a big body has all its bytes, and lasts as long as it was read."""
    (big,) = (row for row in ran.rows if row["step"] == "GET big")
    assert big["bytes_received"] > 64 << 20
    (silent,) = (row for row in ran.rows if row["step"] == "GET silent")
    assert silent["ttfb_ns"] < silent["service_ns"]
    assert silent["service_ns"] >= 3_000_000_000


def test_no_connection_is_left_behind(ran: Ran) -> None:
    """The target has seen the clients of all streams without end leave."""
    patient_until = time.monotonic() + _WITHIN_S
    for path in ("/endless", "/busy"):
        while (counted := facts(ran.url, path))["left"] < counted["asked"]:
            assert time.monotonic() < patient_until, counted
            time.sleep(0.05)
        assert counted["asked"] > 0
