"""Fault knobs: counted, seeded, obeyed by every worker."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from loadcore_target.tests.running import RunningGateway


@pytest.fixture(name="faulty")
def _faulty(gateway: RunningGateway) -> Iterator[RunningGateway]:
    """The shared gateway, whose fault program is emptied afterwards."""
    yield gateway
    gateway.admin("PUT", "/faults", {})


def _statuses(gateway: RunningGateway, count: int, path: str = "/users/me") -> list[int]:
    connection = gateway.connect()
    try:
        return [gateway.ask("GET", path, connection=connection).status for _ in range(count)]
    finally:
        connection.close()


def test_every_injected_error_is_counted(faulty: RunningGateway) -> None:
    """The number of errors that clients see is the number that the truth counters know."""
    faulty.admin("PUT", "/faults", {"error_rate": "30%", "error_code": 502, "seed": 7})
    before = faulty.truth()["faults"]["error"]
    with ThreadPoolExecutor(4) as pool:
        seen = Counter(itertools.chain.from_iterable(pool.map(lambda _: _statuses(faulty, 50), range(8))))
    injected = faulty.truth()["faults"]["error"] - before

    assert seen == {401: 400 - injected, 502: injected}
    assert 80 <= injected <= 160


def test_faults_are_seeded(faulty: RunningGateway) -> None:
    """The same program gives one connection the same errors again; another seed gives others."""

    def pattern(connection_seed: int) -> dict[int, list[int]]:
        faulty.admin("PUT", "/faults", {"error_rate": "50%", "seed": connection_seed})
        patterns: dict[int, list[int]] = {}
        while len(patterns) < 2:
            worker = faulty.connect()
            number = faulty.ask("GET", "/health", connection=worker).json["worker"]
            if number not in patterns:
                patterns[number] = [faulty.ask("GET", "/users/me", connection=worker).status for _ in range(40)]
            worker.close()
        return patterns

    assert pattern(1) == pattern(1)
    assert pattern(1) != pattern(2)


def test_probes_are_never_touched(faulty: RunningGateway) -> None:
    """A gateway that fails every request still answers its probes and its administration."""
    faulty.admin("PUT", "/faults", {"error_rate": "100%"})

    assert set(_statuses(faulty, 5)) == {503}
    assert set(_statuses(faulty, 5, "/ready")) == {200}
    assert faulty.truth()["total"] > 0


def test_faults_can_be_for_some_routes_only(faulty: RunningGateway, token: str) -> None:
    """Routes that the program does not name are served as ever."""
    faulty.admin("PUT", "/faults", {"error_rate": "100%", "routes": ["GET /items"]})

    assert faulty.ask("GET", "/items", token=token).status == 503
    assert faulty.ask("GET", "/users/me", token=token).status == 200


def test_latency_is_added(faulty: RunningGateway) -> None:
    """A constant latency is the least that a request takes."""
    faulty.admin("PUT", "/faults", {"latency": "100ms"})
    before = time.perf_counter()
    _statuses(faulty, 3)

    assert time.perf_counter() - before > 0.29


@pytest.mark.parametrize("program", [{"latency": "20"}, {"error_rate": "2"}, {"capacity": "5"}, {"colour": "red"}])
def test_a_misspelt_program_is_refused(faulty: RunningGateway, program: dict[str, str]) -> None:
    """A knob that does not parse changes nothing."""
    answer = faulty.ask("PUT", "/_admin/faults", program, token=faulty.admin_token)

    assert answer.status == 422
    assert faulty.admin("GET", "/faults")["latency"] is None


def test_capacity_is_the_rate_over_all_workers(faulty: RunningGateway) -> None:
    """A closed loop of many connections gets no more than the capacity, however they are spread over the workers."""
    faulty.admin("PUT", "/faults", {"capacity": "200/s"})
    before = faulty.truth()["routes"]["GET /users/me"]
    begin = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: _statuses(faulty, 25), range(16)))
    took = time.perf_counter() - begin

    assert faulty.truth()["routes"]["GET /users/me"] - before == 400
    assert 400 / took <= 200 * 1.05


def test_a_full_capacity_queue_refuses(faulty: RunningGateway) -> None:
    """Who would wait longer than the queue allows gets 503 with `Retry-After`, and is counted."""
    faulty.admin("PUT", "/faults", {"capacity": "1/m", "capacity_wait": "400ms"})
    before = faulty.truth()["faults"]["capacity_refused"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: faulty.ask("GET", "/users/me"), range(8)))
    refused = [answer for answer in answers if answer.status == 503]

    assert len(refused) == faulty.truth()["faults"]["capacity_refused"] - before
    assert len(refused) == 7
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
