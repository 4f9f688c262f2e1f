"""Secrets are used and never kept: a canary in each of them shows in no file, stream or list of processes."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
import pytest

import loadcore
from tests.e2e.canary_target import CANARY, CanaryTarget, canary_target
from tests.e2e.command import environment
from tests.e2e.command import loadcore as loadcore_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import (
    Scenario, api_key, basic, bearer, csv_feeder, env, get, iterations, oauth2_client_credentials, oauth2_password,
    post, response, think,
)

LOAD = iterations(each=5, users=2)
SECRET = env("CANARY_SECRET")


def scenario(name, *steps, **settings):
    return Scenario(name, base_url="URL", load=LOAD, steps=[*steps, think("200ms")], **settings)


password = scenario(
    "password", get("/items"),
    auth=oauth2_password(token_url="/token", username="{username}", password="{password}", client=("id", SECRET)),
    feeders=[csv_feeder("accounts.csv")],
)
client = scenario(
    "client", get("/moved"),
    auth=oauth2_client_credentials(token_url="/token", client_id="CANARY-id", client_secret="CANARY-secret"),
)
refused = scenario(
    "refused", get("/never"),
    auth=oauth2_client_credentials(token_url="/refused-token", client_id="CANARY-id", client_secret=SECRET),
)
token = scenario("token", get("/bearer"), get("/broken"), auth=bearer(SECRET))
user = scenario("user", get("/basic"), auth=basic("me", "CANARY-password"))
header_key = scenario("header_key", get("/header-key"), auth=api_key("CANARY-key", header="X-API-Key"))
query_key = scenario("query_key", get("/query-key"), auth=api_key("CANARY-key", query="api_key"))
written = scenario(
    "written",
    get("/written?access_token=CANARY-query", headers={"Authorization": "Bearer CANARY-header"}),
    post("/login", json={"user": "me", "password": "CANARY-json"}, extract={"token": response.json("$.secret")}),
    post("/form", form={"password": "CANARY-form"}, headers={"Cookie": "session=CANARY-own", "X-Token": "{token}"}),
)
environment = scenario(
    "environment",
    get("/env-query", query={"x": SECRET}, headers={"X-Thing": SECRET, "X-Other": f"Key {SECRET}"}),
    get(f"/env-url?y={SECRET}"),
    post("/env-json", json={"a": [SECRET], "b": f"({SECRET})"}),
    post("/env-form", form={"c": SECRET}),
    post("/env-text", text=SECRET),
    post("/env-multipart", multipart={"d": SECRET}),
    headers={"X-All": SECRET},
)
"""
ACCOUNTS = f"username,password\nuser-0,{CANARY}-row\nuser-1,{CANARY}-row\n"
PATHS = (
    "/token",
    "/refused-token",
    "/items",
    "/bearer",
    "/basic",
    "/header-key",
    "/query-key",
    "/written",
    "/login",
    "/form",
    "/env-query",
    "/env-url",
    "/env-json",
    "/env-form",
    "/env-text",
    "/env-multipart",
)


@pytest.fixture(scope="module")
def target() -> Iterator[CanaryTarget]:
    """A target that hands out secrets."""
    with canary_target() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, target: CanaryTarget) -> Path:
    """The folder of a user, with a scenario full of secrets in it."""
    user: Path = tmp_path_factory.mktemp("user")
    (user / "shop.py").write_text(SCENARIO.replace("URL", target.url).replace("CANARY-", f"{CANARY}-"))
    (user / "accounts.csv").write_text(ACCOUNTS)
    return user


def hits(text: str | bytes) -> list[str]:
    """Where a secret shows in this, in any of the forms in which it is sent."""
    bytes_ = text.encode() if isinstance(text, str) else text
    basic = [base64.b64encode(pair.encode()) for pair in (f"me:{CANARY}-password", f"id:{CANARY}-secret")]
    found = [form for form in (CANARY.encode(), *basic) if form in bytes_]
    return [bytes_[max(0, bytes_.find(form) - 60) : bytes_.find(form) + 60].decode(errors="replace") for form in found]


def assert_no_secret_in(run_folder: Path) -> None:
    """No file of a run holds one: neither as bytes nor, where files are compressed, as values."""
    names = sorted(path.name for path in run_folder.iterdir())
    assert "windows.arrow" in names
    for name in names:
        assert hits((run_folder / name).read_bytes()) == [], name
    run = loadcore.load(run_folder)
    assert run.requests.num_rows > 0
    for table in (run.requests, run.windows):
        text = [
            name
            for name, kind in zip(table.column_names, table.schema.types, strict=True)
            if not pa.types.is_binary(kind)
        ]
        assert hits(str(table.select(text).to_pylist()) + str(table.schema)) == []
    assert hits(str(run.summary)) == []


def command_lines(process: psutil.Process) -> set[str]:
    """What every user of this machine can see of a process and its children."""
    lines = set()
    for each in [process, *process.children(recursive=True)]:
        try:
            lines.add("\0".join(each.cmdline()))
        except psutil.Error:
            continue
    return lines


@dataclass(frozen=True)
class Shown:
    """What could be seen of a run from outside."""

    folder: Path
    out: str
    err: str
    command_lines: set[str]


@pytest.fixture(scope="module")
def shown(folder: Path) -> Shown:
    """A run with eight ways to authenticate, and secrets in every place that a request has."""
    arguments = ["run", "shop.py", "--out", "run", "--progress", "json", "--workers", "2"]
    seen: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "loadcore", *arguments],
        cwd=folder,
        env=environment({"CANARY_SECRET": f"{CANARY}-secret"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            seen |= command_lines(watched)
            time.sleep(0.05)
        out, err = process.communicate()
    return Shown(folder / "run", out, err, seen)


def test_secrets_are_found_where_they_are(folder: Path) -> None:
    """The search finds what it looks for: else it would prove nothing."""
    assert hits(ACCOUNTS)
    assert hits((folder / "shop.py").read_bytes())
    assert hits(base64.b64encode(f"me:{CANARY}-password".encode()))


FAILING = (
    re.sub(r"(get|post)\((\"[^\"]+\")", r"\1(\2, expect=299", SCENARIO)
    + """
named = scenario(
    "named", get("/named", expect=299), auth=api_key(SECRET, header="X-Gate"),
)
queried = scenario("queried", get("/queried", expect=299), auth=api_key(SECRET, query="k"))
grant = scenario(
    "grant", get("/granted"),
    auth=oauth2_client_credentials(
        token_url="/refused-token", client_id="id", client_secret=SECRET, client_in="body",
        form={"assertion": env("CANARY_SECRET")},
    ),
)
posted = scenario(
    "posted",
    post("/nested", json={"card": {"pin": "CANARY-pin"}, "list": [{"api_key": "CANARY-listed"}]}, expect=299),
    get("/path?api_key=CANARY-parameter&sid=CANARY-sid", headers={"X-Session-Id": "CANARY-session"}, expect=299),
)
"""
)
"""The same, and more ways to authenticate; every response is one that is not expected, so that it is kept."""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, target: CanaryTarget) -> Path:
    """The folder of a user whose scenarios fail everywhere, against a target that repeats everything."""
    user: Path = tmp_path_factory.mktemp("failing")
    (user / "shop.py").write_text(FAILING.replace("URL", target.url).replace("CANARY-", f"{CANARY}-"))
    (user / "accounts.csv").write_text(ACCOUNTS)
    return user


def test_samples_hold_no_secret(failing: Path) -> None:
    """Whatever a target repeats of what proves who the user is, nothing of it is kept or shown."""
    environ = {"CANARY_SECRET": f"{CANARY}-secret"}
    run = loadcore_command("run", "shop.py", "--out", "run", "--workers", "1", cwd=failing, environ=environ)
    report = loadcore_command("report", "run", "-v", cwd=failing)
    check = loadcore_command("check", "shop.py", "--send", "-v", "--json", cwd=failing, environ=environ)

    kept = loadcore.load(failing / "run").samples
    # The target repeats request line, headers and body, so a sample without a body would prove nothing.
    assert len([sample for sample in kept if sample.response and '"echo": "' in sample.response.body]) > 10
    assert {"GET /named", "GET /queried", "POST /nested", "GET /path"} <= {sample.step for sample in kept}
    assert_no_secret_in(failing / "run")
    for done in (run, report, check):
        assert "***" in done.stdout
        assert hits(done.stdout + done.stderr) == []


def test_a_killed_run_holds_no_secret(failing: Path) -> None:
    """Samples written during a run survive `kill -9`, and hold no secret either."""
    folder = failing / "killed"
    samples = folder / "samples.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "loadcore", "run", "shop.py", "--iterations", "500", "--out", str(folder)],
        cwd=failing,
        env=environment({"CANARY_SECRET": f"{CANARY}-secret"}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 60
        # A file that exists may still be empty: wait for a whole line.
        while not (samples.exists() and b"\n" in samples.read_bytes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    found = loadcore.load(folder)

    assert found.state == "killed"
    assert found.samples
    assert hits(samples.read_bytes()) == []
    assert hits(str(found.summary)) == []


def test_a_run_keeps_no_secret(shown: Shown, target: CanaryTarget) -> None:
    """Not one secret shows in files, streams or command lines, though every one was sent."""
    assert hits(shown.out) == []
    assert hits(shown.err) == []
    assert any("loadcore.processes.worker_main" in line for line in shown.command_lines)
    assert hits("\n".join(shown.command_lines)) == []
    assert_no_secret_in(shown.folder)
    assert [path for path in PATHS if not target.secrets[path]] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "shop.py"),
        ("check", "shop.py", "--send"),
        ("check", "shop.py", "--send", "-v"),
        ("check", "shop.py", "--send", "-v", "--json"),
        ("report", "run"),
        ("report", "run", "-v"),
        ("report", "run", "--json"),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(shown: Shown, arguments: tuple[str, ...]) -> None:
    """What is shown of a plan and of a run is without secrets."""
    done = loadcore_command(*arguments, cwd=shown.folder.parent, environ={"CANARY_SECRET": f"{CANARY}-secret"})

    assert done.stdout
    assert hits(done.stdout + done.stderr) == []


def test_a_secret_in_a_url_is_used_and_not_shown(folder: Path) -> None:
    """User information in a URL is sent as credentials, and neither printed nor kept."""
    url = f"http://me:{CANARY}-url@127.0.0.1:1/"
    done = loadcore_command("bench", url, "-z", "1s", "--out", "bench", cwd=folder)

    assert done.returncode == 113
    assert "connect_refused" in done.stdout
    assert hits(done.stdout + done.stderr) == []
    assert_no_secret_in(folder / "bench")
