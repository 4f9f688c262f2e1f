"""`loadcore check`: it sends nothing unasked, and with `--send` it shows what came back."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import loadcore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import (
    Scenario, bearer, branch, check, choice, env, get, oauth2_password, post, response, think, users, variable,
)
shop = Scenario("shop", base_url="URL", load=users(2, duration="30s"), steps=[STEPS], SETTINGS)
"""
HOSTILE = "\x1b]0;title\x07\x1b[31m"


class Target(ThreadingHTTPServer):
    """Answers by path, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: Counter[str] = Counter()


BODY = b'{"total": 3, "next": "", "text": "' + b"x" * 40 + b'"}'
GZIP = gzip.compress(BODY)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Target

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked[f"{self.command} {path}"] += 1
        headers = {"Content-Type": "application/json", "X-Trace": "abc"}
        body = BODY
        if path == "/gzip":
            body, headers["Content-Encoding"] = GZIP, "gzip"
        elif path == "/unknown-coding":
            headers["Content-Encoding"] = "compress"
        elif path == "/no-gzip":
            headers["Content-Encoding"] = "gzip"
        elif path == "/hostile":
            body = json.dumps(HOSTILE).encode() + HOSTILE.encode()
        elif path == "/long":
            body = b"[" + b'"line",\n' * 2000 + b"0]"
        elif path == "/token":
            body = b'{"accessToken": "CANARY-access"}'
        self.send_response({"/missing": 404, "/hostile": 500, "/long": 500, "/gzip": 500}.get(path, 200))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Keeps quiet."""


@contextmanager
def target() -> Iterator[Target]:
    """A target that listens for as long as the block lasts."""
    with Target() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Target]:
    """A target of its own for each test: what it was asked is counted."""
    with target() as found:
        yield found


def write(folder: Path, url: str, steps: str, settings: str = "") -> None:
    """Write `shop.py` with these steps."""
    text = SCENARIO.replace("URL", url).replace("STEPS", steps).replace("SETTINGS", settings)
    (folder / "shop.py").write_text(text, encoding="utf-8")


def test_nothing_is_sent_unasked(tmp_path: Path, server: Target) -> None:
    """Without `--send` the plan is printed, each setting with its source, and the target hears nothing."""
    write(tmp_path, server.url, 'get("/"), think("20ms")')
    done = loadcore("check", "shop.py", "-u", "7", cwd=tmp_path, environ={"LOADCORE_WARM_UP": "1s"})

    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "load 7 users for 30s shop.py, --users" in text
    assert "warm-up 1s LOADCORE_WARM_UP" in text
    assert "GET / think 20ms" in text
    assert "SENT" not in text
    assert loadcore("check", "shop.py", "--dry", cwd=tmp_path).returncode == 0
    assert server.asked == {}


def test_one_user_is_sent_once(tmp_path: Path, server: Target) -> None:
    """With `--send` each request is shown on stdout; progress is not, and no run folder is left."""
    write(tmp_path, server.url, 'get("/"), get("/b", checks=[response.json("$.total") == 3])')
    done = loadcore("check", "shop.py", "--send", "--workers", "3", cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "SENT  one user, one iteration\n ✓ GET / → 200 in " in done.stdout
    assert done.stdout.endswith("\n\n ✓ no problems found\n")
    assert done.stderr == f"sending one user to {server.url} …\n"
    assert server.asked == {"GET /": 1, "GET /b": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["shop.py"]


@pytest.mark.parametrize(
    ("steps", "reasons"),
    [
        ('get("/missing")', ["GET /missing: expected a status below 400, got 404"]),
        ('get("/", expect=[201, 202])', ["GET /: expected status 201 or 202, got 200"]),
        (
            'get("/", checks=[response.json("$.total") == 4])',
            ["GET /: the check `$.total == 4` does not hold: found 3"],
        ),
        (
            'get("/", checks=[response.json("$.a.b").exists(), response.header("ETag").exists()])',
            [
                "GET /: the check `$.a.b exists` does not hold: the body has nothing there",
                "GET /: the check `header ETag exists` does not hold: the response has no header `ETag`",
            ],
        ),
        (
            'get("/", checks=[response.json("$.a").exists(), response.json("$.b").exists()])',
            ["GET /: the checks `$.a exists` and `$.b exists` do not hold: the body has nothing there"],
        ),
        (
            'get("/", extract={"id": response.json("$.id")}), get("/{id}")',
            ["GET /: no value for `id`: the body has nothing there"],
        ),
    ],
)
def test_what_failed_is_shown(tmp_path: Path, server: Target, steps: str, reasons: list[str]) -> None:
    """The reason, the request line, the head and the body of the response; and all of that in the JSON document."""
    write(tmp_path, server.url, steps)
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert done.returncode == 99
    text = " ".join(done.stdout.split())
    for reason in reasons:
        assert f"✗ {reason}" in text
    assert "     > GET /" in done.stdout
    assert "     < HTTP/1.1 " in done.stdout
    assert "     < X-Trace: abc\n" in done.stdout
    assert '     {"total": 3, "next": "", "text": "xxxx' in done.stdout

    document = json.loads(loadcore("check", "shop.py", "--send", "--json", cwd=tmp_path).stdout)["sent"]
    assert document["findings"] == reasons
    assert document["requests"][0]["sample"]["response"]["body"].startswith('{"total": 3')


def test_verbose_shows_what_did_not_fail(tmp_path: Path, server: Target) -> None:
    """With `-v` every exchange is there, with the headers that were sent; without `--send` there is nothing to show."""
    write(tmp_path, server.url, 'get("/", headers={"X-Own": "mine", "X-Token": "CANARY"})')
    silent = loadcore("check", "shop.py", "--send", cwd=tmp_path)
    done = loadcore("check", "shop.py", "--send", "-v", cwd=tmp_path)

    assert "X-Trace" not in silent.stdout
    assert "     > X-Own: mine\n     > X-Token: ***\n" in done.stdout
    assert "     < X-Trace: abc\n" in done.stdout
    refused = loadcore("check", "shop.py", "-v", cwd=tmp_path)
    assert (refused.returncode, "add --send" in refused.stderr) == (2, True)


def test_each_option_of_a_choice_is_taken_once(tmp_path: Path, server: Target) -> None:
    """However small its weight, and also one inside another; what a branch kept from being sent is named."""
    write(
        tmp_path,
        server.url,
        'get("/", extract={"next": response.json("$.next")}),'
        'choice((999, [get("/a"), choice((1, [get("/b")]), (1, [get("/c")]))]), (1, [post("/d")])),'
        'branch(variable("next") != "", then=[get("/next")], otherwise=[get("/last")])',
    )
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "one user, 3 iterations: each option of a choice once" in done.stdout
    assert server.asked == {"GET /": 3, "GET /a": 2, "GET /b": 1, "GET /c": 1, "POST /d": 1, "GET /last": 3}
    assert ' NOT TRIED  GET /next: `next != ""` did not hold\n' in done.stdout
    assert '     if next != ""\n' in done.stdout
    document = json.loads(loadcore("check", "shop.py", "--send", "--json", cwd=tmp_path).stdout)["sent"]
    assert document["not_tried"] == [{"scenario": "shop", "step": "GET /next", "why": '`next != ""` did not hold'}]


def test_what_follows_a_check_that_stops_is_named(tmp_path: Path, server: Target) -> None:
    """The iteration ends there, and what was not tried says so."""
    write(
        tmp_path, server.url, 'get("/", checks=[check(response.status == 201, name="made", stop=True)]), get("/next")'
    )
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert done.returncode == 99
    assert "the check `made` does not hold: found 200" in done.stdout
    assert " NOT TRIED  GET /next: the iteration ended before this step\n" in done.stdout


def test_a_variable_without_a_value_is_the_cause(tmp_path: Path, server: Target) -> None:
    """Nothing was sent, and the hint does not point at the target."""
    steps = (
        'get("/", extract={"jwt": response.json("$.missing").default("a\\nb")}), get("/b", headers={"X-Jwt": "{jwt}"})'
    )
    write(tmp_path, server.url, steps)
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert (done.returncode, server.asked["GET /b"]) == (99, 0)
    assert "GET /b: the value of `jwt` cannot be sent there" in " ".join(done.stdout.split())
    assert "look at the target" not in done.stdout + done.stderr


def test_why_there_is_no_token_is_told(tmp_path: Path, server: Target) -> None:
    """A token endpoint that answers without a token is shown, without what it gave instead."""
    auth = 'auth=oauth2_password(token_url="/token", username="u", password="CANARY-password")'
    write(tmp_path, server.url, 'get("/")', auth)
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert done.returncode == 99
    assert "✗ POST /token → 200 in" in done.stdout
    assert "no token: " in done.stdout
    assert '{"accessToken": "***"}' in done.stdout
    assert "CANARY" not in done.stdout + done.stderr


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    """A sound plan without a listener: the cause, and what was asked for."""
    write(tmp_path, "http://127.0.0.1:1", 'get("/")')
    done = loadcore("check", "shop.py", "--send", cwd=tmp_path)

    assert done.returncode == 99
    assert " ✗ GET / → connect_refused\n" in done.stdout
    assert " ✗ GET /: nothing listens at the address\n" in done.stdout


def test_what_a_target_says_cannot_draw_on_the_terminal(tmp_path: Path, server: Target) -> None:
    """Control characters of a response are escaped wherever it is shown."""
    write(tmp_path, server.url, 'get("/hostile")')
    check = loadcore("check", "shop.py", "--send", "-v", cwd=tmp_path)
    run = loadcore("run", "shop.py", "-d", "1s", "--out", "run", cwd=tmp_path)
    report = loadcore("report", "run", "-v", cwd=tmp_path)

    for done in (check, run, report):
        assert "title" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr


def test_a_long_body_is_shown_in_part(tmp_path: Path, server: Target) -> None:
    """A few lines where it is not asked for more, and how much there is."""
    write(tmp_path, server.url, 'get("/long")')
    short = loadcore("check", "shop.py", "--send", cwd=tmp_path).stdout
    long = loadcore("check", "shop.py", "--send", "-v", cwd=tmp_path).stdout

    assert (short.count('"line",'), 200 < long.count('"line",') < 300) == (12, True)
    assert "(… the first part of 16.0 kB)" in short


def test_a_compressed_body_is_read(tmp_path: Path, server: Target) -> None:
    """It is decompressed for checks, extracts and the reader, who learns that it came compressed."""
    steps = (
        """get("/gzip", expect=500, checks=[response.json("$.total") == 4], extract={"t": response.json("$.total")})"""
    )
    write(tmp_path, server.url, steps)
    text = loadcore("check", "shop.py", "--send", cwd=tmp_path).stdout
    assert "the check `$.total == 4` does not hold: found 3" in " ".join(text.split())
    assert '{"total": 3, "next": "", "text": "xxxx' in text
    assert f"({len(GZIP)} B, compressed with gzip)" in text


def test_a_body_that_cannot_be_read_says_why(tmp_path: Path, server: Target) -> None:
    """A coding that loadcore does not know, and a body that is not what it says, beside what failed of it."""
    for path, why in (
        ("/unknown-coding", "the body is compressed with 'compress', which loadcore cannot read"),
        ("/no-gzip", "the body is damaged: its Content-Encoding says gzip, but it cannot be decompressed as such"),
    ):
        write(tmp_path, server.url, f'get("{path}", checks=[response.json("$.total") != 4])')
        text = " ".join(loadcore("check", "shop.py", "--send", cwd=tmp_path).stdout.split())
        assert f"the check `$.total != 4` does not hold: {why}" in text
        assert f"({why})" in text


def test_every_problem_is_listed(tmp_path: Path) -> None:
    """Two mistakes are two errors, each with its line."""
    write(tmp_path, "http://h", 'get("/{a}"), get("/{b}")')
    for arguments in ((), ("--send",)):
        done = loadcore("check", "shop.py", *arguments, cwd=tmp_path)
        assert done.returncode == 104
        assert done.stderr.count("error: shop.py:") == 2


def test_a_report_says_why(tmp_path: Path, server: Target) -> None:
    """The table of errors has what the target said; `-v` shows the exchange; the API has both."""
    write(tmp_path, server.url, 'get("/missing"), get("/", checks=[response.json("$.total") == 4])')
    run = loadcore("run", "shop.py", "-d", "1s", "--out", "run", "--workers", "2", "--no-strict-client", cwd=tmp_path)
    report = loadcore("report", "run", "-v", cwd=tmp_path)

    assert run.returncode == 99
    assert ' http_404: {"total": 3, "next": ""' in run.stdout
    assert "loadcore report run -v" in run.stdout
    assert "SAMPLES  the first failure of each kind" in report.stdout
    assert "   expected a status below 400, got 404\n     > GET /missing HTTP/1.1\n" in report.stdout
    assert "the check `$.total == 4` does not hold: found 3" in " ".join(report.stdout.split())
