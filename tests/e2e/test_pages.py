"""Pages of runs by the commands: a file to send, and a page in the browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from loadcore.errors import LimitsError
from loadcore.live.web.place import PORT, listen
from loadcore.report.headline import headline
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target
from tests.unit.report.html.runs import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN_S = 60
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+")


@contextmanager
def shown(folder: Path) -> Iterator[str]:
    """The address of the page of a run, served as long as the block runs."""
    command = [sys.executable, "-m", "loadcore", "ui", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WITHIN_S) == 0


def fetched(address: str, **headers: str) -> tuple[int, str]:
    """The status and the body of what is there."""
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def changed(address: str, body: bytes = b'{"change": "pause"}', **headers: str) -> tuple[int, str]:
    """The status and the answer to a change, asked for as the page's script does."""
    own = {"Origin": address.partition("/?")[0], "Content-Type": "application/json"} | headers
    request = urllib.request.Request(address.replace("/?", "/control?"), data=body, headers=own)
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def first_state(address: str) -> dict[str, Any]:
    """The first event of a page's feed."""
    with urllib.request.urlopen(address.replace("/?", "/events?"), timeout=WITHIN_S) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.readline() == b"event: state\n"
        state: dict[str, Any] = json.loads(response.readline().removeprefix(b"data: "))
        return state


def test_a_run_writes_its_page_and_shows_it_meanwhile(tmp_path: Path) -> None:
    """The page says how to repeat the run; the address of the live one is on stderr, and the run ends as ever."""
    with small_target() as url:
        done = loadcore("bench", f"{url}/", "-d", "2s", "-c", "2", "--ui", "--html", "it.html", "--json", cwd=tmp_path)
    assert done.returncode == json.loads(done.stdout)["exit_code"]
    assert _ADDRESS.search(done.stderr), done.stderr
    page = (tmp_path / "it.html").read_text()
    assert f"loadcore bench {url}/ --connections 2 --duration 2s --seed " in page
    assert "wrote it.html" in done.stderr


@pytest.mark.parametrize(
    ("place", "message"),
    [("nowhere/it.html", "the folder nowhere does not exist"), (".", "is a folder")],
)
def test_a_page_without_a_place_is_refused_before_anything_is_sent(place: str, message: str, tmp_path: Path) -> None:
    """As an error of usage, and no run folder is made."""
    done = loadcore("bench", "http://127.0.0.1:9/", "--html", place, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_a_killed_run_can_be_made(tmp_path: Path) -> None:
    """`report --html` writes it in place of printing the text, and exits with 0."""
    RUNS["killed"].folder(tmp_path / "run")
    done = loadcore("report", "run", "--html", "it.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "The manifest is missing" in (tmp_path / "it.html").read_text()


def test_a_page_is_served_to_those_who_have_its_address(tmp_path: Path) -> None:
    """With the token, under this machine's own names, and to no other site."""
    with shown(RUNS["broken"].folder(tmp_path / "run")) as address:
        assert _ADDRESS.fullmatch(address)
        status, page = fetched(address)
        assert (status, "Where did it break?" in page) == (200, True)
        assert fetched(address.partition("?")[0])[0] == 403
        assert fetched(f"{address}x")[0] == 403
        assert fetched(address, Host="evil.example")[0] == 403
        assert fetched(address, Origin="http://evil.example")[0] == 403
        assert fetched(address.replace("/?", "/events?"), Origin="null")[0] == 403
        assert changed(address, Origin="http://evil.example")[0] == 403
        assert changed(f"{address}x")[0] == 403
        status, answer = changed(address)
        assert (status, "does not take orders: it has ended" in json.loads(answer)["error"]) == (200, True)
        assert changed(address, b"x" * 5000)[0] == 413
        state = first_state(address)
        assert "Where did it break?" in state["html"]
        assert len(state["data"]["from"]) == 40


def test_a_page_follows_a_run_to_its_end(tmp_path: Path) -> None:
    """It shows the run while it lasts, and how it ended; a page that is open does not keep the run from ending."""
    with small_target() as url:
        command = [sys.executable, "-m", "loadcore", "bench", f"{url}/", "-d", "60s", "-c", "2", "--ui", "--out", "run"]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=tmp_path, env=environment(), text=True
        ) as run:
            assert run.stderr is not None
            address = next(found[0] for line in run.stderr if (found := _ADDRESS.search(line)))
            with urllib.request.urlopen(address.replace("/?", "/events?"), timeout=WITHIN_S) as feed:
                states = (json.loads(line[6:])["html"] for line in feed if line.startswith(b"data: "))
                words = (re.findall(r"<strong>(.*?)</strong>", state)[0] for state in states)
                assert next(words) == "STILL RUNNING"
                page = _page_of(run.pid)
                # Linux shares cores out by session first: of another one, it would not give way by how urgent it is.
                assert os.getsid(page) == os.getsid(run.pid)
                assert os.getpgid(page) == page, "Ctrl-C must not end it"
                assert os.getpriority(os.PRIO_PROCESS, page) == os.getpriority(os.PRIO_PROCESS, run.pid) + 10
                run.send_signal(signal.SIGINT)
                last = next(word for word in words if word != "STILL RUNNING")
                code = run.wait(WITHIN_S)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (last, code) == (headline(summary).word, summary["exit_code"])
    deadline = time.monotonic() + WITHIN_S
    while _answers(address) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _answers(address), "the page must leave after the run, once no one looks at it"


def _page_of(run: int) -> int:
    """The process of a run's page."""
    children = psutil.Process(run).children()
    return next(int(each.pid) for each in children if "loadcore.live.web.process" in each.cmdline())


def _answers(address: str) -> bool:
    try:
        return fetched(address)[0] == 200
    except OSError:
        return False


def test_a_port_that_is_taken_is_passed_by() -> None:
    """The next free one serves; one that was asked for is refused."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LimitsError, match=f"port {port} is taken"):
            listen(port)
    first, second = listen(), listen()
    with first.socket, second.socket:
        ports = {first.port, second.port}
    assert len(ports) == 2
    assert all(PORT <= port < PORT + 20 for port in ports)
