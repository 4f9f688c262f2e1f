"""What can be seen of a target: its processes, its accept queue, its connections, its meters."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.machine.connections_watch import WayWatch, accept_queue, place_of
from loadcore.machine.look import Look
from loadcore.machine.target_meters import GroupMeter, MetricsMeter, group_folders, read_metrics
from loadcore.machine.target_watch import TargetWatch
from loadcore.machine.tcp_sockets import ESTABLISHED, sockets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY = """
import os, socket, sys
with socket.create_server(("127.0.0.1", 0), backlog=7) as server:
    print(server.getsockname()[1], flush=True)
    if os.fork() == 0:
        while True:
            pass
    sys.stdin.read()
    os.kill(0, 9)
"""


@pytest.fixture
def busy_port() -> Iterator[int]:
    """The port of a server whose child burns a core."""
    command = [sys.executable, "-c", _BUSY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 9)


def test_the_processes_that_listen_and_their_children(busy_port: int) -> None:
    """Their CPU, threads, descriptors and the length of their accept queue."""
    watch = TargetWatch(Look((f"http://127.0.0.1:{busy_port}",)))
    seen: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    # On a busy machine it may have to wait for a core.
    while not seen.get("target_thread_ns") and time.monotonic() < deadline:
        time.sleep(0.05)
        seen = watch.look() or {}

    assert seen["target_processes"] == 2
    assert seen["target_program"].startswith("python")
    assert 0 < seen["target_thread_ns"] <= seen["wall_ns"] * 1.1
    assert 0 <= seen["target_waited_ns"] <= seen["wall_ns"]
    assert 0 <= seen["target_busiest_ns"] <= seen["target_cpu_ns"]
    assert 0 < seen["target_open_fds"] < seen["target_fd_limit"]
    assert seen["accept_limit"] == 7


def test_a_process_by_its_number(busy_port: int) -> None:
    """Wherever the target's address leads to."""
    (holder, *_) = TargetWatch(Look((f"http://127.0.0.1:{busy_port}",)))._find()
    watch = TargetWatch(Look(("http://192.0.2.1",), pid=holder))
    watch.look()
    seen = watch.look()

    assert seen is not None
    assert seen["target_processes"] == 2
    assert "accept_limit" not in seen


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.2", True),
        ("https://[::1]:8443/api", True),
        ("http://192.0.2.1", False),
        ("http://example.test", False),
    ],
)
def test_whether_a_target_is_here(url: str, is_here: bool) -> None:
    """By its address; names are not looked up."""
    look = Look((url,))

    assert (look.is_here, look.sight) == (is_here, "processes" if is_here else "none")
    assert Look((url, "http://192.0.2.1")).is_here is False


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://a.test", ("a.test", 80)),
        ("https://[::1]/x", ("::1", 443)),
        ("http://a:8", ("a", 8)),
        ("http://a:x", None),
    ],
)
def test_places(url: str, place: tuple[str, int] | None) -> None:
    """Host and port, the scheme's by default."""
    assert place_of(url) == place


def test_connections_as_the_kernel_knows_them() -> None:
    """Round trips and segments of those to the target, and how many wait to be accepted."""
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:
        port = server.getsockname()[1]
        watch = WayWatch([f"http://127.0.0.1:{port}"])
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert accept_queue([port]) == {"accept_waiting": 1, "accept_limit": 5}
            accepted, _ = server.accept()
            with accepted:
                client.send(b"x" * 100)
                accepted.recv(100)
                found = sockets(ESTABLISHED, remote_port=port)
                seen = _first(watch)

    assert [each.remote for each in found] == ["127.0.0.1"]
    assert seen["segments_sent"] >= 1
    assert seen["segments_resent"] == 0
    assert 0 < seen["rtt_ns"] < 1e9


def _first(watch: WayWatch) -> dict[str, int]:
    """What is seen as soon as something is."""
    deadline = time.monotonic() + 60
    while not (seen := watch.look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


def test_metrics() -> None:
    """CPU and descriptors of all processes, whatever labels they have; and a query's answer, in cores."""
    text = """# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{pid="1",path="a b}c"} 12.5 1700000000000
process_cpu_seconds_total{pid="2"} 2.5
process_open_fds 40
process_max_fds 1024
"""
    reading = read_metrics(text.encode())
    assert (reading.cpu_s, reading.cores, reading.open_fds, reading.fd_limit) == (15.0, None, 40, 1024)
    vector = b'{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0.5"]},{"value":[1,"0.25"]}]}}'
    assert read_metrics(vector).cores == 0.75
    assert read_metrics(b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}').cores == 2
    for wrong in (b"", b"<html>", b"{}", b'{"data":{"resultType":"matrix","result":[{}]}}', b"process_open_fds 3"):
        with pytest.raises(ValueError, match=r"it is not the result|process_cpu_seconds_total is missing"):
            read_metrics(wrong)


def test_metrics_that_are_asked_for() -> None:
    """The difference of two answers is what was used between them; an answer is counted once."""
    answers = iter([b"process_cpu_seconds_total 10\n", b"process_cpu_seconds_total 10.9\n"])

    def fetch(_: str) -> bytes:
        for answer in answers:
            return answer
        raise OSError("gone")

    meter = MetricsMeter("http://target/metrics", fetch)
    try:
        seen: dict[str, int] = {}
        deadline = time.monotonic() + 60
        while not seen and time.monotonic() < deadline:
            seen = meter.look()
            time.sleep(0.01)
    finally:
        meter.close()

    assert seen["target_cpu_ns"] == pytest.approx(0.9e9, rel=1e-6)
    assert seen["wall_ns"] > 0.5e9


@pytest.mark.parametrize("version", [1, 2])
def test_a_control_group(tmp_path: Path, version: int) -> None:
    """What it used, for how long its quota stopped it, and what it allows; of both versions."""
    group = tmp_path / "web.service"
    group.mkdir()

    def use(used_us: int, throttled_us: int) -> None:
        if version == 2:
            (group / "cpu.stat").write_text(f"usage_usec {used_us}\nnr_periods 3\nthrottled_usec {throttled_us}\n")
            (group / "cpu.max").write_text("50000 100000\n")
        else:
            (group / "cpuacct.usage").write_text(f"{used_us * 1000}\n")
            (group / "cpu.stat").write_text(f"nr_periods 3\nthrottled_time {throttled_us * 1000}\n")
            (group / "cpu.cfs_quota_us").write_text("50000\n")
            (group / "cpu.cfs_period_us").write_text("100000\n")

    use(1_000, 10)
    meter = GroupMeter(str(group))
    assert meter.look() == {}
    use(501_000, 400_010)

    assert meter.look() == {
        "target_program": "web.service",
        "target_cpu_ns": 500_000_000,
        "target_throttled_ns": 400_000_000,
        "target_cores": 0.5,
    }
    with pytest.raises(ValueError, match="is not a control group"):
        group_folders(str(tmp_path))
