"""Ports, descriptors and quotas as the kernel really gives them: what is enough is neither refused nor blamed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from loadcore.machine.host_watch import HostWatch
from tests.e2e.command import environment

SERVER = """
import asyncio
async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 7999, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
SETUP = (
    "ip link set lo up && echo 50000 50499 > /proc/sys/net/ipv4/ip_local_port_range && "
    'echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse && { "$0" -c "$1" & } | head -1 && shift && exec "$@"'
)
BURN = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass"


def _may_have_a_network() -> bool:
    with suppress(OSError):
        return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    return False


def _bench(cwd: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and summary of a `bench` where there are 500 local ports and closed ones stay taken."""
    bench = [sys.executable, "-m", "loadcore", "bench", "http://127.0.0.1:7999/", *arguments, "--json"]
    done = subprocess.run(
        ["unshare", "-n", "--kill-child", "--pid", "--fork", "sh", "-c", SETUP, sys.executable, SERVER, *bench],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    text = done.stdout[done.stdout.find("{") :]
    return done.returncode, json.loads(text) if text else {"stderr": done.stderr}


@pytest.mark.skipif(not _may_have_a_network(), reason="this user may not make a network namespace")
@pytest.mark.parametrize(
    "arguments", [("-c", "450", "-n", "1000", "--workers", "1"), ("--rate", "100/s", "-z", "2s", "--disable-keepalive")]
)
def test_ports_that_suffice_are_no_finding(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """450 connections that are kept, and 200 that are opened in the whole run, fit 500 ports."""
    code, summary = _bench(tmp_path, *arguments)

    assert code != 104, summary
    assert "ports" not in {finding["rule"] for finding in summary["findings"]}
    assert summary["load"]["requests"]["not_sent"] == 0


@pytest.mark.skipif(not _may_have_a_network(), reason="this user may not make a network namespace")
def test_ports_that_run_out_are_named(tmp_path: Path) -> None:
    """How many connections users open is not known beforehand: the requests that were not sent say so."""
    code, summary = _bench(tmp_path, "-c", "5", "-n", "510", "--disable-keepalive", "--workers", "1")

    assert code == 111, summary
    assert "every local port was in use" in " ".join(summary["verdict"]["reasons"])


def test_doctor_asks_no_more_of_a_rate_than_the_run_does(tmp_path: Path) -> None:
    """100/s within 256 descriptors: users without a setting are those of a second, and not of ten."""
    doctor = f'ulimit -n 256; exec "{sys.executable}" -m loadcore doctor --rate 100/s --workers 1 --json'
    done = subprocess.run(
        ["sh", "-c", doctor], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["users"] == 100


def _writable_group() -> Path | None:
    root = Path("/sys/fs/cgroup/cpu")
    return root if os.access(root / "cpu.cfs_quota_us", os.W_OK) else None


@pytest.mark.skipif(_writable_group() is None, reason="no control group for CPU can be made here")
def test_the_time_that_a_real_quota_stops_us_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that wants a core and may have a tenth is stopped for as long as the kernel says."""
    root = _writable_group()
    assert root is not None
    group = root / f"loadcore-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_quota_us").write_text("10000")
        monkeypatch.setattr("loadcore.machine.control_groups._groups", lambda *_: [group, root])
        watch = HostWatch()
        command = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$0" -c "$1"', sys.executable, BURN]
        subprocess.run(command, check=True, timeout=60)
        seen = watch.look()
        told = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    finally:
        group.rmdir()

    assert seen is not None
    assert seen["throttled_ns"] == int(told["throttled_time"]) > 0
