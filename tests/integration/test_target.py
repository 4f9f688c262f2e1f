"""`loadcore target` with the real gateway: it starts, is found, and is gone afterwards."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import psutil
import pytest

from loadcore.cli import gateway
from loadcore.cli.gateway import Gateway
from loadcore.errors import RunError, UsageError
from loadcore_target.deploy.packages import find
from tests.e2e.command import environment, loadcore
from tests.process_tree import is_alive, tree

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("--port", "0", "--accounts", "2")
GATEWAY = ("--port", "0", "--users", "2")


def wait_until_gone(pid: int) -> None:
    """Waits until a process has ended; a deadline makes it a failure if it does not."""
    deadline = time.monotonic() + 60
    while any(map(is_alive, tree(pid)[:1])):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_up_status_down(tmp_path: Path) -> None:
    """One target at a time; asked for again it says where it is; nothing is left of it at the end."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    up = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    assert up.returncode == 0, up.stderr
    pid = json.loads(up.stdout)["pid"]
    try:
        state = tmp_path / "runtime" / "loadcore" / "target.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        assert json.loads(loadcore("target", "status", "--json", cwd=tmp_path, environ=where).stdout)["pid"] == pid
        again = loadcore("target", "up", *QUICK, cwd=tmp_path, environ=where)
        assert (again.returncode, again.stdout.split()[3]) == (0, json.loads(up.stdout)["url"])
        assert "it was already running" in again.stderr
        token = loadcore("target", "token", cwd=tmp_path, environ=where)
        truth = Request(f"{json.loads(up.stdout)['url']}/_admin/truth")
        truth.add_header("Authorization", f"Bearer {token.stdout.strip()}")
        with urlopen(truth, timeout=60) as answer:
            assert json.load(answer)["total"] == 0
    finally:
        down = loadcore("target", "down", cwd=tmp_path, environ=where)
    assert down.stdout.endswith("is down\n")
    wait_until_gone(pid)
    assert not state.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["runtime"]
    assert loadcore("target", "status", cwd=tmp_path, environ=where).stdout == "no target is running\n"
    token = loadcore("target", "token", cwd=tmp_path, environ=where)
    assert (token.returncode, token.stdout) == (2, "")
    assert "loadcore target up" in token.stderr


def test_options_for_a_target_that_runs_are_refused(tmp_path: Path) -> None:
    """Another port or another capacity is refused, not ignored. The same options again, or none, are fine."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    up = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    try:
        url = json.loads(up.stdout)["url"]
        for options in (("--port", "1"), (*QUICK, "--capacity", "5/s"), ("--replicas", "2")):
            refused = loadcore("target", "up", *options, cwd=tmp_path, environ=where)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert refused.stderr.startswith(f"error: a target is already up at {url}, with other options\nhint: ")
            restart = shlex.join(["loadcore", "target", "up", *options])
            assert refused.stderr.endswith(f"hint: stop it and start it again: loadcore target down; {restart}\n")
        for same in (list(QUICK), []):
            same_again = loadcore("target", "up", *same, cwd=tmp_path, environ=where)
            assert (same_again.returncode, same_again.stdout.split()[3]) == (0, url)
    finally:
        loadcore("target", "down", cwd=tmp_path, environ=where)


@pytest.mark.parametrize("home", ["/nonexistent", "/proc", "a file"])
def test_a_home_that_takes_nothing_is_no_obstacle(tmp_path: Path, home: str) -> None:
    """The target is written down elsewhere, found there, and stopped."""
    (tmp_path / "file").write_text("")
    where = {
        "HOME": str(tmp_path / "file") if home == "a file" else f"{home}/user",
        "XDG_RUNTIME_DIR": "",
        "XDG_CACHE_HOME": "",
        "XDG_STATE_HOME": "",
        "TMPDIR": str(tmp_path),
    }
    if home == "/nonexistent" and os.geteuid() == 0:
        where["HOME"] = "/proc/nonexistent"  # The administrator could make it.
    up = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    assert up.returncode == 0, up.stderr
    pid = json.loads(up.stdout)["pid"]
    try:
        assert (tmp_path / f"loadcore-{os.getuid()}" / "target.json").exists()
    finally:
        down = loadcore("target", "down", cwd=tmp_path, environ=where)
    assert down.stdout.endswith("is down\n")
    wait_until_gone(pid)


def gateways_below(folder: Path) -> list[psutil.Process]:
    """The gateways whose data is in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "loadcore_target" in line and any(word.startswith(str(folder)) for word in line):
            found.append(process)
    return found


def test_where_nothing_can_be_written_nothing_starts(tmp_path: Path) -> None:
    """A target that could not be stopped is not started; the message names what was tried and what helps."""
    (tmp_path / f"loadcore-{os.getuid()}").write_text("in the way")
    where = {"HOME": "/proc/none", "XDG_RUNTIME_DIR": "", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path)}
    up = loadcore("target", "up", *QUICK, cwd=tmp_path, environ=where)

    assert up.returncode == 104
    assert "Traceback" not in up.stderr
    assert str(tmp_path / f"loadcore-{os.getuid()}") in up.stderr
    assert "hint: set XDG_STATE_HOME" in up.stderr
    assert gateways_below(tmp_path) == []
    for command in ("status", "down"):
        assert loadcore("target", command, cwd=tmp_path, environ=where).stdout == "no target is running\n"


def test_a_target_whose_command_was_killed_while_it_started_can_be_stopped(tmp_path: Path) -> None:
    """It was written down before it was ready, so `down` finds it."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    state = tmp_path / "runtime" / "loadcore" / "target.json"
    with subprocess.Popen(
        [sys.executable, "-m", "loadcore", "target", "up", *QUICK], cwd=tmp_path, env=environment(where)
    ) as command:
        deadline = time.monotonic() + 60
        while not state.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        command.kill()
    pid = json.loads(state.read_text(encoding="utf-8"))["pid"]
    down = loadcore("target", "down", cwd=tmp_path, environ=where)

    assert down.stdout.startswith("target ")
    wait_until_gone(pid)
    assert gateways_below(tmp_path) == []


def test_a_target_that_crashed_is_not_said_to_run(tmp_path: Path) -> None:
    """After kill -9 of the gateway: status says so, down cleans up, up starts another."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    up = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    pid = json.loads(up.stdout)["pid"]
    os.killpg(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert loadcore("target", "status", cwd=tmp_path, environ=where).stdout == "no target is running\n"
    again = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["pid"] != pid
    loadcore("target", "down", cwd=tmp_path, environ=where)
    assert list(tmp_path.glob("loadcore-target-*")) == []


def test_down_leaves_a_stranger_alone(tmp_path: Path) -> None:
    """A process that got the number of a gateway of the past is not stopped: start time and command line must fit."""
    runtime = tmp_path / "loadcore"
    runtime.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as stranger:
        known = Gateway(
            stranger.pid, psutil.Process(stranger.pid).create_time(), "http://127.0.0.1:1", "", str(tmp_path)
        )
        (runtime / "target.json").write_text(known.to_json(), encoding="utf-8")
        down = loadcore("target", "down", cwd=tmp_path, environ={"XDG_RUNTIME_DIR": str(tmp_path)})
        assert down.stdout == "no target is running\n"
        assert stranger.poll() is None


def test_a_port_in_use_is_told_with_the_gateway_s_words(tmp_path: Path) -> None:
    """A gateway that does not start says why, and leaves nothing behind."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    first = loadcore("target", "up", *QUICK, "--json", cwd=tmp_path, environ=where)
    try:
        port = json.loads(first.stdout)["url"].rpartition(":")[2]
        other = {"XDG_RUNTIME_DIR": str(tmp_path / "other"), "TMPDIR": str(tmp_path / "tmp")}
        (tmp_path / "tmp").mkdir()
        second = loadcore("target", "up", "--port", port, cwd=tmp_path, environ=other)
        assert second.returncode == 1
        assert second.stderr.startswith("error: the gateway ended with code 1 instead of starting\nhint: ")
        assert list((tmp_path / "tmp").iterdir()) == []
    finally:
        loadcore("target", "down", cwd=tmp_path, environ=where)


def test_a_tied_gateway_counts_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the block it answers for its counters; after the block its processes are gone."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with gateway.running(GATEWAY, tmp_path) as running:
        assert gateway.truth(running) == 0
        assert gateway.cpu_s(running) > 0
        pids = [running.pid, *(child.pid for child in psutil.Process(running.pid).children(recursive=True))]
    for pid in pids:
        wait_until_gone(pid)
    assert not running.running


def test_a_tied_gateway_ends_with_its_owner(tmp_path: Path) -> None:
    """If the process that started it is killed, the gateway stops by itself."""
    program = (
        "import sys, time; from pathlib import Path; from loadcore.cli import gateway\n"
        f"with gateway.running({GATEWAY!r}, Path({str(tmp_path)!r})) as running:\n"
        "    print(running.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment()) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    wait_until_gone(pid)


def test_a_gateway_that_does_not_start_leaves_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote before it ended is the hint."""
    monkeypatch.setattr(gateway, "require_installed", lambda: None)
    monkeypatch.setattr(gateway, "MODULE", "no_such_gateway.serve")
    with pytest.raises(RunError) as caught:
        gateway.start(QUICK, tmp_path)
    assert "instead of starting" in str(caught.value)
    assert "No module named" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--autoscale", "1:4", "--proxy", "nginx"), 2, "--autoscale needs --proxy haproxy"),
        (("--autoscale", "x"), 2, "expected MIN:MAX"),
        (("--latency", "20"), 104, "'20' is not a duration; write it with a unit"),
    ],
)
def test_what_the_gateway_refuses_is_told_in_its_words(
    tmp_path: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    """A bad argument is one, a bad setting is one, and neither is a bug in loadcore's."""
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    done = loadcore("target", "up", "--port", "0", *arguments, cwd=tmp_path, environ=where)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert error in line
    assert list(tmp_path.glob("loadcore-target-*")) == []


def test_replicas_up_status_down(tmp_path: Path) -> None:
    """Several gateways behind a balancer are one target: listed service by service, and all gone with it."""
    if find("haproxy") is None:
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    where = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    up = loadcore("target", "up", *QUICK, "--replicas", "2", "--json", cwd=tmp_path, environ=where)
    try:
        assert up.returncode == 0, up.stderr
        facts = json.loads(up.stdout)
        assert [each["name"] for each in facts["services"]] == ["stub", "haproxy", "gateway-1", "gateway-2"]
        status = loadcore("target", "status", cwd=tmp_path, environ=where)
        assert all(f"(PID {each['pid']})" in status.stderr for each in facts["services"])
    finally:
        down = loadcore("target", "down", cwd=tmp_path, environ=where)
    assert down.stdout == f"target at {facts['url']} is down\n"
    assert not any(psutil.pid_exists(each["pid"]) for each in facts["services"])
    assert [path.name for path in tmp_path.iterdir()] == ["runtime"]


def test_missing_programs_are_a_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is named with the command that installs it, and is not reported as a bug."""
    monkeypatch.setattr(gateway, "STACK_MODULE", "tests.integration.missing_programs")
    with pytest.raises(UsageError) as caught:
        gateway.start_stack((), tmp_path)
    assert str(caught.value.hint).splitlines() == [
        "haproxy (the balancer) needs `haproxy`: apt-get install haproxy",
        "  redis (the cache) needs `redis-server`: apt-get install redis-server",
    ]
