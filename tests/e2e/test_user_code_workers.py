"""Workers that run code of the user's: what it sees, what it prints, and how it ends, in processes of their own."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from loadcore import load
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LENIENT = ("--no-strict-client", "--workers", "1")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A target for all tests of this file."""
    with small_target() as base_url:
        yield base_url


class _Endless(socketserver.StreamRequestHandler):
    """Answers with events until the client has left."""

    def handle(self) -> None:
        """One request."""
        while self.rfile.readline().strip():
            pass
        try:
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            while not self.server.is_over.wait(0.02):  # type: ignore[attr-defined]
                self.wfile.write(b"9\r\ndata: 1\n\n\r\n")
        except OSError:
            pass


@pytest.fixture
def events() -> Iterator[str]:
    """A server whose streams have no end."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Endless) as server:
        server.daemon_threads = True
        server.is_over = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.is_over.set()  # type: ignore[attr-defined]
        server.shutdown()


_STREAMS = """
from locust import FastHttpUser, HttpUser, task

class Lines(HttpUser):
    @task
    def lines(self):
        for line in self.client.get("/events", stream=True, name="lines").iter_lines():
            assert line in (b"", b"data: 1")

class Content(HttpUser):
    @task
    def content(self):
        with self.client.get("/events", stream=True, name="content", catch_response=True) as response:
            assert next(response.iter_content(9)) == b"data: 1\\n\\n"
            response.success()

class Fast(FastHttpUser):
    @task
    def fast(self):
        stream = self.client.get("/events", stream=True, name="fast").stream
        while stream.read(9) == b"data: 1\\n\\n":
            pass
        raise AssertionError("the stream ended")
"""


def test_streams_without_an_end_do_not_hold_up_the_end_of_a_locust_run(tmp_path: Path, events: str) -> None:
    """Users who read events for ever are stopped with the run; each stream has its row, and none of them failed."""
    (tmp_path / "locustfile.py").write_text(_STREAMS, encoding="utf-8")
    times = ("-u", "3", "-r", "3", "-t", "3", "--progress", "none")
    done = loadcore("run", "locustfile.py", "-H", events, *times, *LENIENT, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "runs" / "latest" / "summary.json").read_text("utf-8"))
    assert {step["name"] for step in summary["steps"]} >= {"GET lines", "GET content", "GET fast"}
    assert summary["user_code"]["exceptions"] == []


_BLOCKS_THE_HUB = """
import sys

import gevent.monkey
from locust import HttpUser, task

class Stuck(HttpUser):
    @task
    def stuck(self):
        self.client.get("/items")
        print("stuck", flush=True)
        gevent.monkey.get_original("time", "sleep")(600)
"""


def test_a_killed_supervisor_takes_a_worker_along_whose_hub_is_blocked(tmp_path: Path, url: str) -> None:
    """The supervisor gets kill -9 while a Locust user holds up all greenlets: no process of the run is left."""
    (tmp_path / "locustfile.py").write_text(_BLOCKS_THE_HUB, encoding="utf-8")
    command = [sys.executable, "-m", "loadcore", "run", "locustfile.py", "-H", url, "-u", "1", "--out", "run", *LENIENT]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stderr is not None
        assert any(line.strip() == "worker 0: stuck" for line in run.stderr)
        workers = psutil.Process(run.pid).children(recursive=True)
        assert workers
        run.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert load(tmp_path / "run").truncated


_SEES = """
import os
import sys
import threading

import numpy
from beside import NEIGHBOUR
from working import HERE

from loadcore import Client, Scenario, iterations


async def sees(c: Client) -> None:
    await c.get("/items")
    c.check(sys.stdin.read() == "" and os.read(0, 1) == b"", "nothing to read")
    c.check(threading.current_thread() is threading.main_thread(), "main thread")
    c.check((NEIGHBOUR, HERE, int(numpy.arange(3).sum())) == ("folder", "directory", 3), "imports")
    print("to the output")
    print("to the errors", file=sys.stderr)
    raise LookupError("seen")


shop = Scenario("shop", load=iterations(total=1), steps=sees)
"""


def test_what_code_in_a_worker_sees_and_prints(tmp_path: Path, url: str) -> None:
    """Modules of its folder and of the working directory, any package, an empty stdin; what it printed is kept."""
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "shop.py").write_text(_SEES, encoding="utf-8")
    (folder / "beside.py").write_text('NEIGHBOUR = "folder"\n', encoding="utf-8")
    (tmp_path / "working.py").write_text('HERE = "directory"\n', encoding="utf-8")
    done = loadcore("run", "tests/shop.py", "--base-url", url, "--out", "run", *LENIENT, cwd=tmp_path)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))
    checks = {each["name"]: each["failed"] for each in summary["checks"]}
    assert checks == {"nothing to read": 0, "main thread": 0, "imports": 0}, done.stderr
    assert {"worker 0: to the output", "worker 0: to the errors"} <= set(done.stderr.splitlines())
    (exception,) = summary["user_code"]["exceptions"]
    assert exception["printed"] == ["to the output", "to the errors"]
    shown = done.stdout.splitlines()
    first = shown.index("   printed before the first:")
    assert shown[first + 1 : first + 3] == ["     to the output", "     to the errors"]
