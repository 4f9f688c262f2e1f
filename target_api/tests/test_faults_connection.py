"""Faults of the connection, of time and of resources; `X-Fault` of one request; the request-id log."""

import http.client
import itertools
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore_target.faults import FaultProgram, FaultSource
from loadcore_target.tests.running import RunningGateway, wait_until


@pytest.fixture(name="faulty", scope="module")
def _faulty() -> Iterator[RunningGateway]:
    """A gateway with one worker, so that the order of injected faults is the order of requests."""
    with RunningGateway("--users", "2", "--items", "30") as running:
        yield running


@pytest.fixture(autouse=True)
def _healed(faulty: RunningGateway) -> Iterator[None]:
    """Each test leaves a gateway without faults."""
    yield
    faulty.admin("PUT", "/faults", {})


def _ask_with(gateway: RunningGateway, program: dict[str, object], path: str = "/users/me") -> int:
    return gateway.ask("GET", path, headers={"X-Fault": json.dumps(program)}).status


def _raw(gateway: RunningGateway, path: str, program: dict[str, object], timeout_s: float = 60) -> bytes:
    """All bytes that a connection gives for one request."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Fault: {json.dumps(program)}\r\n\r\n"
        connection.sendall(head.encode())
        received = b""
        while part := connection.recv(65536):
            received += part
            if b"surplus" in received:
                break
        return received


def test_close_ends_without_an_answer(faulty: RunningGateway) -> None:
    """The client sees the end of the connection and nothing else."""
    assert _raw(faulty, "/bytes/10", {"drop": {"close": "100%"}}) == b""


def test_reset_is_a_reset(faulty: RunningGateway) -> None:
    """The client sees RST."""
    with pytest.raises(ConnectionResetError):
        _raw(faulty, "/bytes/10", {"drop": {"reset": "100%"}})


def test_hang_never_answers(faulty: RunningGateway) -> None:
    """The client waits until it gives up."""
    with pytest.raises(TimeoutError):
        _raw(faulty, "/bytes/10", {"drop": {"hang": "100%"}}, timeout_s=0.3)


def test_truncate_ends_in_mid_body(faulty: RunningGateway) -> None:
    """Half the body arrives, then the connection ends."""
    with pytest.raises(http.client.IncompleteRead) as error:
        _ask_with(faulty, {"drop": {"truncate": "100%"}}, "/bytes/1000")

    assert len(error.value.partial) == 500


def test_surplus_follows_the_response(faulty: RunningGateway) -> None:
    """Bytes come after a response that is complete."""
    received = _raw(faulty, "/bytes/4", {"drop": {"surplus": "100%"}})

    assert received.endswith(b"\r\n\r\n\x00\x01\x02\x03surplus")


def test_trickle_takes_its_time(faulty: RunningGateway) -> None:
    """A body of 1,000 bytes at 4 kB a second takes a quarter of a second and arrives whole."""
    before = time.perf_counter()
    answer = faulty.ask("GET", "/bytes/1000", headers={"X-Fault": '{"drop": {"trickle": "100%"}, "trickle": "4KB/s"}'})

    assert len(answer.body) == 1000
    assert time.perf_counter() - before > 0.24


def test_drops_are_counted_and_logged(faulty: RunningGateway) -> None:
    """What a client finds broken is what the truth counters and the request-id log know."""
    faulty.admin("PUT", "/faults", {"drop": {"close": "20%", "truncate": "20%"}, "seed": 3})
    since = time.time()
    before = faulty.truth()["faults"]
    broken = []
    for number in range(60):
        try:
            faulty.ask("GET", "/bytes/100", headers={"X-Request-Id": f"drop-{number}"})
        except (OSError, http.client.HTTPException):
            broken.append(f"drop-{number}")
    faults = faulty.truth()["faults"]
    logged = faulty.admin("GET", f"/requests?fault=any&since={since}")

    assert 10 < len(broken) < 40
    assert sum(faults[kind] - before[kind] for kind in ("close", "truncate")) == len(broken)
    assert [row["request_id"] for row in logged] == broken
    assert {row["status"] for row in logged if row["fault"] == "close"} == {0}


def test_stall_blocks_everything_at_its_times(faulty: RunningGateway) -> None:
    """A stall holds back every answer, each time that it is due."""
    faulty.admin("PUT", "/faults", {"stall": "300ms", "stall_every": "1s"})
    connection = faulty.connect()
    begin = time.monotonic()
    stalled: list[float] = []
    while len(stalled) < 2:
        before = time.monotonic()
        assert before < begin + 60, "no answer was held back at two of its times"
        faulty.ask("GET", "/users/me", connection=connection)
        if (took := time.monotonic() - before) > 0.2:
            stalled.append(took)
        time.sleep(0.005)
    connection.close()

    assert faulty.truth()["faults"]["stall"] >= 2


def test_cpu_is_burnt(faulty: RunningGateway) -> None:
    """A request that computes costs the worker that much CPU."""
    worker = faulty.worker_pids()[0]
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu_s() -> float:
        fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before = cpu_s()
    for _ in range(5):
        _ask_with(faulty, {"cpu": "40ms"})

    assert 0.18 < cpu_s() - before < 0.6


def test_leaks_leak_and_are_given_back(faulty: RunningGateway) -> None:
    """Descriptors are lost with each request and come back when the program changes."""
    folder = Path(f"/proc/{faulty.worker_pids()[0]}/fd")

    def lost() -> int:
        """Those that a leak takes: connections come and go meanwhile, so not all of them."""
        return sum(os.path.realpath(each) == os.devnull for each in folder.iterdir())

    before = lost()
    faulty.admin("PUT", "/faults", {"leak": {"descriptors": 3, "kib": 64, "tasks": 1}})
    for _ in range(10):
        faulty.ask("GET", "/users/me")
    leaked = lost()
    faulty.admin("PUT", "/faults", {})
    faulty.ask("GET", "/users/me")

    assert leaked - before == 30
    wait_until(lambda: lost() == before, "the descriptors come back")


def test_every_third_answer_closes(faulty: RunningGateway) -> None:
    """Close after every n-th answer, exactly."""
    faulty.admin("PUT", "/faults", {"close_every": 3})
    closes = [faulty.ask("GET", "/users/me").headers.get("connection") for _ in range(7)]

    assert closes == [None, None, "close", None, None, "close", None]


def test_latency_grows_with_time(faulty: RunningGateway) -> None:
    """A degrading gateway is slower later."""
    source = FaultSource(FaultProgram(degrade_per_minute="60ms"), worker=0, set_at=100.0)

    assert source.draw_delay(100.0) == 0
    assert source.draw_delay(220.0) == pytest.approx(0.120)
    assert faulty.admin("PUT", "/faults", {"degrade_per_minute": "60ms"})["degrade_per_minute"] == "60ms"


def test_only_the_named_workers_obey(faulty: RunningGateway) -> None:
    """A program for another worker changes nothing here."""
    faulty.admin("PUT", "/faults", {"error_rate": "100%", "workers": [1]})
    assert faulty.ask("GET", "/users/me").status == 401
    faulty.admin("PUT", "/faults", {"error_rate": "100%", "workers": [0]})
    assert faulty.ask("GET", "/users/me").status == 503


def test_a_request_can_bring_its_own_fault(faulty: RunningGateway) -> None:
    """`X-Fault` holds for one request; nonsense in it is 400."""
    assert _ask_with(faulty, {"error_rate": "100%", "error_code": 418}) == 418
    assert faulty.ask("GET", "/users/me").status == 401
    assert _ask_with(faulty, {"error_rate": "lots"}) == 400
    assert faulty.ask("GET", "/users/me", headers={"X-Fault": "{"}).status == 400


def test_a_cold_cache_asks_the_database_each_time(faulty: RunningGateway) -> None:
    """With the cache flushed all the time every request shows database time."""
    token = faulty.log_in(1)["access_token"]

    def asks_database() -> list[bool]:
        answers = [faulty.ask("GET", "/items/1", token=token) for _ in range(3)]
        return ["db;dur=" in answer.headers["server-timing"] for answer in answers]

    asks_database()
    assert asks_database() == [False, False, False]
    faulty.admin("PUT", "/faults", {"cache_flush_every": "0s"})
    assert asks_database() == [True, True, True]


def test_requests_are_in_the_log(faulty: RunningGateway) -> None:
    """The client's id, the route, the status and the duration of a request can be read afterwards."""
    faulty.ask("GET", "/items/1", headers={"X-Request-Id": "find-me"})
    (row,) = faulty.admin("GET", "/requests?request_id=find-me")

    assert (row["route"], row["status"], row["fault"], row["worker"]) == ("GET /items/{item_id}", 401, None, 0)
    assert 0 < row["duration_s"] < 5
    assert abs(row["received_at"] - time.time()) < 60


@pytest.mark.parametrize(
    "program",
    [
        {"drop": {"close": "60%", "reset": "60%"}},
        {"drop": {"explode": "1%"}},
        {"stall": "3s", "stall_every": "2s"},
        {"trickle": "10KB"},
        {"trickle": "0B/s"},
        {"cpu": "5"},
    ],
)
def test_impossible_programs_are_refused(program: dict[str, object]) -> None:
    """A program that contradicts itself never reaches a worker."""
    with pytest.raises(ValueError, match=r"."):
        FaultProgram.model_validate(program)


@given(st.integers(1, 30), st.sampled_from(["1%", "5%", "20%", "50%"]), st.integers(0, 1000))
def test_bursts_keep_the_share(burst: int, rate: str, seed: int) -> None:
    """Errors in runs are as many as single ones, and come in runs of at least the length asked for."""
    source = FaultSource(FaultProgram(seed=seed, error_rate=rate, error_burst=burst), worker=0, set_at=0.0)
    drawn = [source.draw_error() for _ in range(20_000)]
    share = float(rate.removesuffix("%")) / 100
    runs = [len(list(group)) for failed, group in itertools.groupby(drawn[: -burst - 1]) if failed]

    assert sum(drawn) / len(drawn) == pytest.approx(share, abs=0.015 * (burst + 2) ** 0.5)
    assert all(run >= burst for run in runs[:-1])


def test_knobs_do_not_disturb_each_other() -> None:
    """Turning another knob leaves the sequence of a knob as it was."""
    alone = FaultSource(FaultProgram(error_rate="30%"), worker=0, set_at=0.0)
    together = FaultSource(FaultProgram(error_rate="30%", latency="uniform(1ms,2ms)"), worker=0, set_at=0.0)
    pairs = [(alone.draw_error(), together.draw_delay(0.0) > 0 and together.draw_error()) for _ in range(100)]

    assert all(first == second for first, second in pairs)


def test_workers_draw_different_sequences() -> None:
    """Two workers with the same program do not fail in step."""
    sources = [FaultSource(FaultProgram(error_rate="50%"), worker, 0.0) for worker in (0, 1)]
    first, second = ([source.draw_error() for _ in range(64)] for source in sources)

    assert first != second
