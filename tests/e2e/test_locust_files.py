"""`loadcore run` of Locust files: what runs, what is judged, which mistakes are reported, in processes of their own."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from loadcore.cluster.certificates import make
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A test machine may be too busy for its client; what that does to an exit code has a test of its own.
LENIENT = ("--no-strict-client", "--progress", "lines")
USERS = ("-u", "4", "-r", "4", "-t", "2")
FILE = """
from locust import FastHttpUser, HttpUser, SequentialTaskSet, constant, events, task

@events.quitting.add_listener
def gate(environment, **_):
    print("merged", environment.stats.total.num_requests, environment.stats.total.num_failures)

class Shopper(HttpUser):
    wait_time = constant(0.05)

    def on_start(self):
        self.client.get("/login")

    @task
    class Tasks(SequentialTaskSet):
        @task
        def look(self):
            self.client.get("/items", params={"page": 1})

        @task
        def missing(self):
            with self.client.get("/404", catch_response=True) as response:
                response.success()

    def on_stop(self):
        self.client.get("/bye")

class Fast(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def order(self):
        with self.rest("POST", "/order", json={"a": 1}) as response:
            assert response.js == {}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A target for all tests of this file."""
    with small_target() as base_url:
        yield base_url


def run(folder: Path, text: str, *arguments: str, url: str, lenient: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a Locust file of this text."""
    (folder / "locustfile.py").write_text(text, encoding="utf-8")
    return loadcore("run", "locustfile.py", "-H", url, *arguments, *(LENIENT if lenient else ()), cwd=folder)


def summary(folder: Path) -> dict[str, Any]:
    """The summary of the last run."""
    document: dict[str, Any] = json.loads((folder / "runs" / "latest" / "summary.json").read_text("utf-8"))
    return document


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of the last run."""
    files = sorted((folder / "runs" / "latest").glob("requests-*.arrow"))
    return [row for file in files for row in pa.ipc.open_file(file).read_all().to_pylist()]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_locust_file_runs_as_it_is(tmp_path: Path, url: str, workers: int) -> None:
    """Both clients, events and statistics, in one process or in several with a master beside them."""
    done = run(tmp_path, FILE, *USERS, "--workers", str(workers), url=url)
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(tmp_path)
    assert {(row["step"], row["error"]) for row in found} == {
        ("GET /login", False),
        ("GET /items?page=1", False),
        ("GET /404", False),
        ("POST /order", False),
        ("GET /bye", False),
    }
    assert {row["phase"] for row in found if row["step"] == "GET /bye"} == {"ramp_down"}
    assert sum(row["step"] == "GET /login" for row in found) == 2
    assert {step["name"] for step in summary(tmp_path)["steps"]} == {row["step"] for row in found}
    log = tmp_path / "runs" / "latest" / "locust-master.log"
    said = done.stderr if workers == 1 else log.read_text("utf-8")
    merged = next(line for line in said.splitlines() if "merged" in line).split()
    counted = sum(row["outcome"] != "interrupted" for row in found)
    # Locust ends a user at once: what was answered just then has a row, and is not counted any more.
    assert counted - 4 <= int(merged[-2]) <= counted
    assert merged[-1] == "0"


UNTIL_SEEN = """
@events.init.add_listener
def end_once_all_was_seen(environment, **_):
    def watch():
        while len(environment.stats.entries) < NAMES or environment.stats.total.num_requests < REQUESTS:
            gevent.sleep(0.05)
        environment.runner.quit()
    gevent.spawn(watch)
"""
"""What ends a run by what was answered, however long a busy machine takes for it."""

UNTRUSTED = """
import gevent
from locust import FastHttpUser, HttpUser, constant, events, task
from locust.contrib.fasthttp import FastHttpSession
from requests.adapters import HTTPAdapter

class OwnContext(HTTPAdapter):
    def init_poolmanager(self, *arguments, **options):
        context = gevent.ssl.create_default_context(cafile="certs/ca.pem")
        super().init_poolmanager(*arguments, ssl_context=context, assert_hostname=False, **options)

class Usual(HttpUser):
    wait_time = constant(0.3)

    @task
    def look(self):
        self.client.get("/refused/usual")
        self.client.get("/refused/prepared", cookies={"a": "b"})
        self.client.get("/accepted/call", verify=False)

class Unverified(HttpUser):
    wait_time = constant(0.3)

    def on_start(self):
        self.client.verify = False

    @task
    def look(self):
        self.client.get("/accepted/session")
        self.client.get("/refused/call", verify=True)

class Mounted(HttpUser):
    wait_time = constant(0.3)

    def on_start(self):
        self.client.mount("https://", OwnContext())

    @task
    def look(self):
        self.client.get("/accepted/context")

class Fast(FastHttpUser):
    wait_time = constant(0.3)

    def on_start(self):
        self.secure = FastHttpSession(self.host, self.environment.events.request, self, insecure=False)

    @task
    def look(self):
        self.client.get("/accepted/fast")
        self.secure.get("/refused/fast-session")

class Secure(FastHttpUser):
    wait_time = constant(0.3)
    insecure = False

    @task
    def look(self):
        self.client.get("/refused/fast")

class Context(FastHttpUser):
    wait_time = constant(0.3)
    ssl_context_factory = staticmethod(gevent.ssl.create_default_context)

    @task
    def look(self):
        self.client.get("/refused/fast-context")
"""


@pytest.mark.parametrize("classes", [(), ("Fast",)])
def test_certificates_are_verified_where_locust_verifies_them(tmp_path: Path, classes: tuple[str, ...]) -> None:
    """By request, session, adapter and class; also where all classes of a run accept any certificate."""
    make(tmp_path / "certs")
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(tmp_path / "certs" / "node.pem", tmp_path / "certs" / "node.key")
    with small_target(shown) as url:
        names = 2 if classes else 10
        text = UNTRUSTED + UNTIL_SEEN.replace("NAMES", str(names)).replace("REQUESTS", "1")
        done = run(tmp_path, text, "-u", "6", "-r", "6", "-t", "60", *classes, url=url)
    assert done.returncode == 99, done.stdout + done.stderr
    ended = [row for row in rows(tmp_path) if row["outcome"] != "interrupted"]
    assert {(row["step"].split("/")[1], row["error"]) for row in ended} == {("accepted", False), ("refused", True)}
    assert len({row["step"] for row in ended}) == names


def test_failures_and_exceptions_fail_the_run(tmp_path: Path, url: str) -> None:
    """As they end Locust with 1; the report has the words of the failure and the first traceback."""
    text = FILE.replace("response.success()", "response.failure('too bad')").replace(
        'params={"page": 1})', 'params={"page": 1})\n            raise ValueError("mine")'
    )
    done = run(tmp_path, text, *USERS, url=url)
    assert done.returncode == 99, done.stdout + done.stderr
    code = summary(tmp_path)["user_code"]
    assert [(each["kind"], each["place"]) for each in code["exceptions"]] == [("ValueError", "locustfile.py:19")]
    assert code["exceptions"][0]["traceback"].splitlines()[-1] == "ValueError: mine"
    assert [each["error"] for each in code["failures"]] == ["CatchResponseError('too bad')"]
    assert "ValueError: mine" in done.stdout
    assert "errors.count == 0" in done.stdout


WITHOUT_HTTP = """
from locust import User, constant, task

class Database(User):
    wait_time = constant(0.1)

    @task
    def query(self):
        self.environment.events.request.fire(
            request_type="DB", name="select", response_time=3, response_length=1, exception=ERROR, context={}
        )
"""


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (WITHOUT_HTTP.replace("ERROR", "None"), 0, "1 of 1 threshold holds"),
        (WITHOUT_HTTP.replace("ERROR", "ValueError('no')"), 99, "1 of 1 threshold crossed: errors.count == 0"),
        (WITHOUT_HTTP.replace("self.environment", "None and self.environment"), 113, "no request was sent"),
        (
            FILE.replace('    print("merged"', '    1 / 0\n    print("merged"'),
            99,
            "a listener of an event raised an exception",
        ),
        (FILE.replace("/bye", "/503"), 99, "requests failed while users started or stopped: GET /503"),
    ],
)
def test_a_run_ends_as_locusts_own_judgement_says(tmp_path: Path, url: str, text: str, code: int, said: str) -> None:
    """Also without HTTP, also where only `on_stop` fails; a run in which nothing was measured has no data."""
    done = run(tmp_path, text, *USERS, url=url)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


def test_the_file_may_choose_its_exit_code(tmp_path: Path, url: str) -> None:
    """In place of a pass."""
    text = FILE.replace("    print(", "    environment.process_exit_code = 42\n    print(")
    done = run(tmp_path, text, *USERS, url=url)
    assert done.returncode == 42, done.stdout + done.stderr
    assert "exit 42 (as the file says" in done.stdout


def test_without_an_end_a_run_lasts_until_ctrl_c(tmp_path: Path, url: str) -> None:
    """Which is then its planned end: users stop, `on_stop` sends, the run passes."""
    text = FILE.replace('params={"page": 1})', 'params={"page": 1})\n            print("looked", flush=True)')
    (tmp_path / "locustfile.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "loadcore", "run", "locustfile.py", "-H", url, "-u", "2", "--no-strict-client"]
    process = subprocess.Popen(
        [*command, "--progress", "lines"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == "worker 0: looked":
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert any(row["step"] == "GET /bye" for row in rows(tmp_path))


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        ("from locust import HttpLocust", (), 104, "locustfile.py: the file was written for Locust before 1.0"),
        ("import locust\nclass A(locust.HttpUser): pass", ("Unknown",), 104, "unknown user class Unknown"),
        ("import locust", (), 104, "locustfile.py: the file has no user class"),
        ("import locust\nraise KeyError('x')", (), 107, "KeyError: 'x'"),
        (FILE, ("--web-port", "9"), 2, "--web-port: loadcore runs Locust files without Locust's web interface"),
        (FILE, ("-u", "many"), 2, "argument -u/--users: invalid int value: 'many'"),
        (FILE, ("--rate", "5/s"), 2, "--rate: a Locust file has users, not arrivals"),
        (FILE, (), 104, 'the host is "ftp://shop", which is not the URL of a target'),
        (FILE, ("-H", "shop"), 104, "write it with its scheme: -H https://shop.example"),
    ],
)
def test_mistakes_are_said_before_the_first_request(
    tmp_path: Path, text: str, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """In one message with what to do, and without a traceback."""
    done = run(tmp_path, text, *arguments, url="ftp://shop")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


CLOSING = """
import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

class Usual(HttpUser):
    wait_time = constant(600)

    @task
    def look(self):
        for number in range(3):
            self.client.get("/kept")
            self.client.get("/closed", headers={"Connection": "close"})
        self.client.headers["Connection"] = "close"
        self.client.get("/closed", stream=True).content

class Fast(FastHttpUser):
    wait_time = constant(600)

    @task
    def look(self):
        for number in range(3):
            self.client.get("/kept")
            self.client.get("/closed", headers={"Connection": "close"})
"""


def test_a_connection_is_closed_where_the_file_says_so(tmp_path: Path, url: str) -> None:
    """Each request after such a one has a new connection, though the server would have kept the old one."""
    text = CLOSING + UNTIL_SEEN.replace("NAMES", "2").replace("REQUESTS", "13")
    done = run(tmp_path, text, "-u", "2", "-r", "2", "-t", "60", url=url)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [(row["user"], row["offset_ns"], row["step"], row["reused"]) for row in rows(tmp_path)]
    for user in (0, 1):
        flags = [(step, reused) for owner, _, step, reused in sorted(found) if owner == user]
        assert flags[:6] == [("GET /kept", False), ("GET /closed", True)] * 3
    assert len(found) == 13


COUNTED = """
import os
from pathlib import Path

import gevent
from locust import HttpUser, constant, events, runners, task

runners.WORKER_REPORT_INTERVAL = 600
heard = []
reporting = []

@events.init.add_listener
def listen(environment, runner, **_):
    if isinstance(runner, runners.WorkerRunner):
        @events.report_to_master.add_listener
        def speak(client_id, data):
            reporting.append(open("reported" if not reporting else "nested", "w").close())
            runner.send_message("extra", 1)
            reporting.pop()
    if not isinstance(runner, runners.MasterRunner):
        return
    runner.register_message("extra", lambda environment, msg, **_: None)
    def done(environment, msg, **_):
        heard.append(msg.data)
        print("message", environment.stats.total.num_requests >= sum(heard))
    def watch():
        while len(list(Path().glob("finished-*"))) < 4:
            gevent.sleep(0.05)
        both = [gevent.spawn(lambda: environment.stats.total.num_requests) for _ in range(2)]
        gevent.joinall(both)
        print("both", *(each.value for each in both))
        while environment.stats.total.num_requests < 200:
            gevent.sleep(0.05)
        print("greenlet", environment.stats.entries["/item", "GET"].num_requests, environment.stats.num_failures)
        runner.quit()
    runner.register_message("done", done)
    gevent.spawn(watch)

@events.test_stop.add_listener
def stopped(environment, **_):
    print("stop", environment.stats.total.num_requests)

@events.quitting.add_listener
def ends(environment, **_):
    print("quitting", environment.stats.total.num_requests)

class Shopper(HttpUser):
    wait_time = constant(600)

    @task
    def look(self):
        for number in range(25):
            self.client.get("/item")
        self.environment.runner.send_message("done", 25)
        for number in range(25):
            self.client.get("/item")
        Path(f"finished-{os.getpid()}-{id(self)}").touch()

    def on_stop(self):
        self.client.get("/bye")
"""


def test_the_masters_statistics_are_those_of_its_workers_by_then(tmp_path: Path, url: str) -> None:
    """When a worker says something, when greenlets look, when the test stops, at the end: none waits for reports."""
    run(tmp_path, COUNTED, "-u", "4", "-r", "4", "-t", "300", "--workers", "2", url=url)
    said = (tmp_path / "runs" / "latest" / "locust-master.log").read_text("utf-8").splitlines()
    assert [line for line in said if line.startswith("message")] == ["message True"] * 4
    assert [line for line in said if line.startswith(("both", "greenlet", "stop", "quitting"))] == [
        "both 200 200",
        "greenlet 200 0",
        "stop 200",
        "quitting 204",
    ]
    assert len(rows(tmp_path)) == 204
    # What a listener of a report says begins no report.
    assert ((tmp_path / "reported").exists(), (tmp_path / "nested").exists()) == (True, False)


@pytest.mark.parametrize("workers", [1, 2])
def test_locusts_own_files_are_those_of_the_whole_run(tmp_path: Path, url: str, workers: int) -> None:
    """Their folders are made; with several workers, it is the master that writes them."""
    theirs = ("--csv", "csv/run", "--html", "html/run.html", "--json-file", "json/run")
    done = run(tmp_path, FILE, *USERS, "--workers", str(workers), *LENIENT, "--", *theirs, url=url, lenient=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = {each["name"]: each["num_requests"] for each in json.loads((tmp_path / "json" / "run.json").read_text())}
    answered = [row["step"] for row in rows(tmp_path) if row["outcome"] != "interrupted"]
    assert counted["/login"] == answered.count("GET /login")
    # Locust ends a user at once: what was answered just then has a row, and is not counted any more.
    assert answered.count("GET /404") - 4 <= counted["/404"] <= answered.count("GET /404")
    assert (tmp_path / "html" / "run.html").stat().st_size > 0
    assert (tmp_path / "csv" / "run_stats.csv").read_text().startswith("Type,Name")


def test_a_report_of_locusts_that_cannot_be_written_takes_nothing_with_it(tmp_path: Path, url: str) -> None:
    """The run has its own results, and the message names the file."""
    (tmp_path / "html").write_text("a file")
    done = run(tmp_path, FILE, *USERS, *LENIENT, "--", "--html", "html/run.html", url=url, lenient=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "html/run.html cannot be written: " in done.stderr
    assert "had not ended" not in done.stderr
