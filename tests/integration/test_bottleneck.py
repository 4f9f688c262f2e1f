"""What limited the target is in the summary and in the report of a real run."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import loadcore
from loadcore import Scenario, arrival_rate, get
from loadcore.report import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def limiter() -> Iterator[str]:
    """A target that refuses every other request by its limit of rates."""
    numbers = itertools.count()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            is_refused = next(numbers) % 2
            self.send_response(429 if is_refused else 200)
            if is_refused:
                self.send_header("Retry-After", "3")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_rate_limit_is_named_and_told_apart_from_failures(tmp_path: Path) -> None:
    """With what was let through, what the answers say, and what to do; the exit code is that of the threshold."""
    with limiter() as url:
        plan = Scenario("shop", base_url=url, load=arrival_rate("40/s", duration="3s"), steps=[get("/items")])
        run = loadcore.run(plan, workers=1, out=tmp_path / "run")

    found = [each for each in run.summary["findings"] if each["subject"] == "target"]
    assert [(each["rule"], each["severity"]) for each in found] == [("rate_limit", "note")]
    ends = [
        (row["offset_ns"] + row["response_ns"]) // 10**9 for row in run.requests.to_pylist() if row["status"] == 200
    ]
    assert sum(Counter(ends).values()) == 60
    assert min(Counter(ends).values()) <= found[0]["value"] <= max(Counter(ends).values())
    assert found[0]["message"].endswith("requests with 429 (Retry-After 3 s)")
    assert {(each["status"], each["policy"]) for each in run.summary["errors"]} == {(429, "rate_limit")}
    shown = " ".join(text.render(run.summary).split())
    assert "TARGET" in shown
    assert "a rate limit let " in shown
    assert "responses by policy rather than failures: 60 http_429 (rate limit)" in shown


def test_a_target_that_keeps_up_is_blamed_for_nothing(tmp_path: Path) -> None:
    """And the report names no limit."""
    with limiter() as url:
        step = get("/items", expect=[200, 429])
        plan = Scenario("shop", base_url=url, load=arrival_rate("1/s", duration="2s"), steps=[step])
        run = loadcore.run(plan, workers=1, out=tmp_path / "run")

    assert [each for each in run.summary["findings"] if each["subject"] == "target"] == []
    assert "TARGET" not in text.render(run.summary)
