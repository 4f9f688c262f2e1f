"""The proxy: headers, deadline, retries, breaker; the breaker and the budget alone."""

import http.client
import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from loadcore_target.breaker import Breaker, RetryBudget
from loadcore_target.tests.running import RunningGateway


@pytest.fixture(scope="module", name="proxying")
def _proxying() -> Iterator[RunningGateway]:
    """A gateway with one worker, a stub without delay, a small pool, and an upstream without a listener."""
    environment = {
        "GATEWAY_UPSTREAMS": json.dumps({"gone": "http://127.0.0.1:9"}),
        "GATEWAY_UPSTREAM_CONNECTIONS": "4",
        "GATEWAY_BREAKER_FAILURES": "3",
        "GATEWAY_BREAKER_OPEN_S": "30",
    }
    with RunningGateway("--users", "2", "--stub", "0ms", environment=environment) as running:
        yield running


@pytest.fixture(scope="module", name="access")
def _access(proxying: RunningGateway) -> str:
    """A user's token."""
    token: str = proxying.log_in(1)["access_token"]
    return token


def _stub_truth(gateway: RunningGateway) -> Any:
    assert gateway.stub_url is not None
    with urllib.request.urlopen(f"{gateway.stub_url}/_stub/truth") as response:
        return json.load(response)["routes"]


def test_the_proxy_needs_a_token(proxying: RunningGateway) -> None:
    """The gateway asks who it is before anything is sent on."""
    assert proxying.ask("GET", "/proxy/stub/secret").status == 401
    assert "GET /secret" not in _stub_truth(proxying)


def test_path_and_query_arrive_as_written(proxying: RunningGateway, access: str) -> None:
    """What the client encoded stays encoded."""
    seen = proxying.ask("GET", "/proxy/stub/a%2Fb/c%20d?x=%26&y=1", token=access).json

    assert (seen["path"], seen["query"]) == ("/a%2Fb/c%20d", "x=%26&y=1")


def test_headers_are_passed_or_kept(proxying: RunningGateway, access: str) -> None:
    """The upstream learns request id, trace, user and remaining time, but never the token."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"X-Request-Id": "from-client", "traceparent": trace, "X-Timeout-Ms": "700", "X-Authenticated-User": "me"}
    answer = proxying.ask("GET", "/proxy/stub/x", headers=headers, token=access)
    seen = answer.json["headers"]

    assert seen["x-request-id"] == answer.headers["x-request-id"] == "from-client"
    assert seen["traceparent"] == trace
    assert seen["x-authenticated-user"] == "user-0001"
    assert seen["x-timeout-ms"] == "700"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert "authorization" not in seen


def test_hop_by_hop_headers_end_here(proxying: RunningGateway, access: str) -> None:
    """Headers that `Connection` names are for this hop only."""
    headers = {"Connection": "keep-alive, X-Timeout-Ms-Like", "Via": "1.0 fred", "X-Timeout-Ms-Like": "1"}
    seen = proxying.ask("GET", "/proxy/stub/x", headers=headers, token=access).json["headers"]

    assert seen["via"] == "1.0 fred, 1.1 loadcore-gateway"
    assert "x-timeout-ms-like" not in seen


def test_server_timing_names_the_upstream(proxying: RunningGateway, access: str) -> None:
    """The time that the upstream took is separate from the gateway's own."""
    timing = proxying.ask("GET", "/proxy/stub/x?delay=80ms", token=access).headers["server-timing"]
    parts = dict(part.split(";dur=") for part in timing.split(", "))

    assert 75 < float(parts["upstream"]) <= float(parts["total"])
    assert "auth" in parts


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("size", [10, 200_000])
def test_bodies_are_sent_on(proxying: RunningGateway, access: str, method: str, size: int) -> None:
    """Short and long request bodies arrive whole."""
    answer = proxying.ask(method, "/proxy/stub/x", b"x" * size, token=access)

    assert (answer.json["method"], answer.json["body_bytes"]) == (method, size)


@pytest.mark.parametrize("query", ["bytes=300000", "bytes=300000&chunked=1", "bytes=10&chunked=1", "bytes=0"])
def test_bodies_are_sent_back(proxying: RunningGateway, access: str, query: str) -> None:
    """Short, long and chunked responses arrive whole, on a connection that stays usable."""
    connection = proxying.connect()
    size = int(query.removeprefix("bytes=").partition("&")[0])
    for _ in range(2):
        answer = proxying.ask("GET", f"/proxy/stub/x?{query}", token=access, connection=connection)
        assert (answer.status, len(answer.body)) == (200, size)
    connection.close()


def test_head_has_no_body(proxying: RunningGateway, access: str) -> None:
    """HEAD gives the length of what GET would give."""
    answer = proxying.ask("HEAD", "/proxy/stub/x?bytes=77", token=access)

    assert (answer.headers["content-length"], answer.body) == ("77", b"")


def test_upstream_errors_are_passed_through(proxying: RunningGateway, access: str) -> None:
    """A status of the upstream is the client's to see."""
    assert proxying.ask("GET", "/proxy/stub/x?status=418", token=access).status == 418
    assert proxying.ask("GET", "/proxy/nowhere/x", token=access).status == 404


def test_the_deadline_is_kept(proxying: RunningGateway, access: str) -> None:
    """An upstream that needs longer than the client waits is 504."""
    headers = {"X-Timeout-Ms": "60"}
    answer = proxying.ask("GET", "/proxy/stub/x?delay=5s", headers=headers, token=access)

    assert answer.status == 504
    assert proxying.ask("GET", "/proxy/stub/x", headers={"X-Timeout-Ms": "soon"}, token=access).status == 400


def test_only_safe_requests_are_repeated(proxying: RunningGateway, access: str) -> None:
    """An upstream that hangs up gets a GET twice, and a POST once: its effect may have happened."""
    assert proxying.ask("GET", "/proxy/stub/once?drop=1", token=access).status == 502
    assert proxying.ask("GET", "/proxy/stub/ok", token=access).status == 200
    assert proxying.ask("POST", "/proxy/stub/once?drop=1", b"x", token=access).status == 502
    assert proxying.ask("GET", "/proxy/stub/ok", token=access).status == 200
    truth = _stub_truth(proxying)

    assert (truth["GET /once"], truth["POST /once"]) == (2, 1)


def test_an_upstream_that_is_gone_opens_the_breaker(proxying: RunningGateway, access: str) -> None:
    """After three failures in a row the gateway answers 503 without asking."""
    answers = [proxying.ask("GET", "/proxy/gone/x", token=access) for _ in range(5)]

    assert [answer.status for answer in answers] == [502, 502, 502, 503, 503]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    assert proxying.ask("GET", "/proxy/stub/x", token=access).status == 200


def test_a_small_pool_queues_and_says_so(proxying: RunningGateway, access: str) -> None:
    """With four connections and eight requests of 2 s, four wait for the others, and `Server-Timing` shows the wait."""

    def ask(_: int) -> float:
        timing = proxying.ask("GET", "/proxy/stub/x?delay=2s", token=access).headers["server-timing"]
        parts = dict(part.split(";dur=") for part in timing.split(", "))
        return float(parts.get("queue", "0"))

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(ask, range(8)))

    assert sum(wait > 60 for wait in waits) == 4


def test_the_gateway_stops_its_stub() -> None:
    """No stub is left when the gateway has stopped."""
    with RunningGateway("--users", "1", "--stub", "1ms") as gateway:
        assert gateway.stub_url is not None
        host, _, port = gateway.stub_url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=2)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/")
    connection.close()


def test_breaker_lets_one_trial_through() -> None:
    """Open, it refuses; half open, it lets one request through; the result of that decides."""
    now = [0.0]
    breaker = Breaker(2, 10.0, lambda: now[0])
    breaker.failed()
    assert (breaker.state, breaker.allows()) == ("closed", True)
    breaker.failed()
    assert (breaker.state, breaker.allows(), breaker.retry_after) == ("open", False, "10")
    now[0] = 10.0
    assert (breaker.state, breaker.allows(), breaker.allows()) == ("half_open", True, False)
    breaker.failed()
    assert (breaker.state, breaker.allows()) == ("open", False)
    now[0] = 20.0
    assert breaker.allows()
    breaker.succeeded()
    assert (breaker.state, breaker.allows()) == ("closed", True)


def test_breaker_survives_a_lost_trial() -> None:
    """A trial whose result never comes does not keep the breaker open for ever."""
    now = [0.0]
    breaker = Breaker(1, 10.0, lambda: now[0])
    breaker.failed()
    now[0] = 10.0
    assert breaker.allows()
    now[0] = 20.0
    assert breaker.allows()


def test_retries_are_a_share_of_requests() -> None:
    """When the savings are gone, ten requests earn one retry."""
    budget = RetryBudget()
    while budget.withdraw():
        pass
    for _ in range(9):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    budget.deposit()
    assert budget.withdraw()
