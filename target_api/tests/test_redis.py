"""Two replicas with two workers each and one Redis: one limit, one cache, and no outage when it is gone."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from loadcore_target.deploy.packages import find
from loadcore_target.tests.running import RunningGateway, free_port, wait_until

pytest.importorskip("redis", reason="redis is not installed")
Replicas = tuple[RunningGateway, RunningGateway]
LIMIT = 40
WORKERS = 4


@pytest.fixture(scope="module", name="redis")
def _redis() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Redis of this test on loopback, its URL and its process."""
    program = find("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert any(b"Ready to accept connections" in line for line in server.stdout)
        yield f"redis://127.0.0.1:{port}", server
        server.terminate()


@pytest.fixture(scope="module", name="replicas")
def _replicas(redis: tuple[str, "subprocess.Popen[bytes]"]) -> Iterator[Replicas]:
    environment = {
        "GATEWAY_CACHE_URL": redis[0],
        "GATEWAY_CACHE_TTL_S": "600",
        "GATEWAY_RATE_LIMIT_URL": redis[0],
        "GATEWAY_RATE_LIMIT_USER": f"{LIMIT}/hour",
        "GATEWAY_SECRET": "s" * 40,
    }
    with ExitStack() as held:
        first, second = (
            held.enter_context(
                RunningGateway("--users", "9", "--items", "50", "--workers", "2", environment=environment)
            )
            for _ in range(2)
        )
        yield first, second


def looked_up(replicas: Replicas) -> Counter[str]:
    """How often the caches of all replicas were asked, by result."""
    counts = Counter[str]()
    for replica in replicas:
        for line in replica.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith("gateway_cache_total{"):
                counts[line.split('"')[1]] += int(float(line.split()[1]))
    return counts


def tokens_of(replicas: Replicas, user: int) -> list[str]:
    """An access token of each replica for one user."""
    return [replica.log_in(user)["access_token"] for replica in replicas]


def test_a_limit_is_exact_over_replicas_and_workers(replicas: Replicas) -> None:
    """Of requests to all of them at once exactly as many pass as the rule says, and the rest is counted."""
    tokens = tokens_of(replicas, 0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: replicas[n % 2].ask("GET", "/users/me", token=tokens[n % 2]).status, range(3 * LIMIT))
        )
    assert Counter(answers) == {200: LIMIT, 429: 2 * LIMIT}
    refused = [replica.ask("GET", "/metrics").body.decode() for replica in replicas]
    counts = [
        float(line.split()[1]) for text in refused for line in text.splitlines() if line.startswith("gateway_ratelim")
    ]
    assert sum(counts) == 2 * LIMIT


def test_what_one_replica_computed_the_other_has(replicas: Replicas) -> None:
    """The first answer is a miss in one of them; the second, elsewhere, is a hit with the same bytes."""
    tokens = tokens_of(replicas, 1)
    before = looked_up(replicas)
    answers = [replica.ask("GET", "/items/7", token=token) for replica, token in zip(replicas, tokens, strict=True)]
    assert answers[0].body == answers[1].body
    assert looked_up(replicas) - before == {"miss": 1, "hit": 1}


def test_a_stampede_computes_once_a_worker(replicas: Replicas) -> None:
    """Many requests for an uncached response: each worker asks the database once, or finds it in Redis."""
    tokens = tokens_of(replicas, 2)
    before = looked_up(replicas)
    with ThreadPoolExecutor(LIMIT) as pool:
        answers = list(
            pool.map(lambda n: replicas[n % 2].ask("GET", "/items?limit=50", token=tokens[n % 2]), range(LIMIT))
        )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    counts = looked_up(replicas) - before
    assert counts.total() == LIMIT
    # A look-up that was on its way when the answer was stored comes back empty, and may compute once more.
    assert 1 <= counts["miss"] <= 2 * WORKERS


def test_without_redis_answers_go_on(replicas: Replicas, redis: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    """A cache that is gone makes answers slower and no errors; a limit that cannot be counted lets requests pass."""
    tokens = tokens_of(replicas, 3)
    redis[1].kill()
    redis[1].wait()
    for replica, token in zip(replicas, tokens, strict=True):
        statuses = {replica.ask("GET", path, token=token).status for path in ("/items/7", "/items", "/users/me") * 3}
        assert statuses == {200}
        assert 'gateway_ratelimit_lost_total{rule="user"} 9.0' in replica.ask("GET", "/metrics").body.decode()
        wait_until(lambda replica=replica: replica.ask("GET", "/ready").status == 200, "it is ready")  # type: ignore[misc]
