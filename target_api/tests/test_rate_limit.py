"""Rate limits: exact over all workers, with the headers that clients need."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loadcore_target.rate_limit import SharedStorage
from loadcore_target.tests.running import RunningGateway


@pytest.fixture(scope="module", name="limited")
def _limited() -> Iterator[RunningGateway]:
    """Two workers; thirty requests an hour for a user, five logins an hour for a name; no `X-Fault`."""
    environment = {
        "GATEWAY_RATE_LIMIT_USER": "30/hour",
        "GATEWAY_RATE_LIMIT_LOGIN": "5/hour",
        "GATEWAY_FAULT_HEADER": "false",
    }
    with RunningGateway("--users", "5", "--workers", "2", environment=environment) as running:
        yield running


def test_exactly_the_limit_passes(limited: RunningGateway) -> None:
    """Of requests on many connections to two workers at once, exactly as many pass as the rule says."""
    token = limited.log_in(0)["access_token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: limited.ask("GET", "/users/me", token=token), range(80)))
    statuses = [answer.status for answer in answers]

    assert (statuses.count(200), statuses.count(429)) == (30, 50)
    assert 'gateway_ratelimited_total{rule="user"} 50.0' in limited.ask("GET", "/metrics").body.decode()


def test_limits_are_told(limited: RunningGateway) -> None:
    """A passed request hears what remains, a refused one when to come back."""
    token = limited.log_in(1)["access_token"]
    first = limited.ask("GET", "/users/me", token=token)
    for _ in range(29):
        limited.ask("GET", "/users/me", token=token)
    refused = limited.ask("GET", "/users/me", token=token)

    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("30", "29")
    assert refused.status == 429
    assert refused.headers["ratelimit-remaining"] == "0"
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    assert refused.json["title"] == "Too Many Requests"


def test_one_user_does_not_use_up_the_others_limit(limited: RunningGateway) -> None:
    """Limits are counted for each user."""
    token = limited.log_in(2)["access_token"]

    assert limited.ask("GET", "/users/me", token=token).headers["ratelimit-remaining"] == "29"


def test_password_guessing_is_limited(limited: RunningGateway) -> None:
    """The sixth try with the same name is refused, even with the right password; another name is not."""
    guesses = [
        limited.form("/auth/token", grant_type="password", username="user-0003", password="wrong").status
        for _ in range(5)
    ]
    right = limited.form("/auth/token", grant_type="password", username="user-0003", password="password-0003")

    assert guesses == [400] * 5
    assert right.status == 429
    assert limited.log_in(4)


def test_x_fault_can_be_off(limited: RunningGateway) -> None:
    """A gateway configured not to obeys no `X-Fault`."""
    assert limited.ask("GET", "/users/me", headers={"X-Fault": '{"error_rate": "100%"}'}).status == 401


def test_shared_counters_are_shared(tmp_path: Path) -> None:
    """Two stores on the same file count together, and forget when told."""
    pages = [SharedStorage.page(tmp_path / "limits") for _ in range(2)]
    first, second = map(SharedStorage, pages)

    async def count() -> list[int]:
        counts = [await store.incr("a", 60) for store in (first, second, first)]
        counts.append(await second.incr("b", 60))
        counts.append(await second.get("a"))
        await first.clear("a")
        return [*counts, await second.get("a"), await second.get("b")]

    assert asyncio.run(count()) == [1, 2, 3, 1, 3, 0, 1]
    for page in pages:
        page.close()


def test_a_window_ends() -> None:
    """A count starts over when its window is over."""
    store = SharedStorage(SharedStorage.page(None))

    async def count() -> tuple[int, int]:
        await store.incr("a", 0)
        return await store.get("a"), await store.incr("a", 60)

    assert asyncio.run(count()) == (0, 1)


def test_a_full_table_forgets_the_oldest() -> None:
    """More keys than slots never fail; a new key is always counted."""
    store = SharedStorage(SharedStorage.page(None))

    async def fill() -> set[int]:
        return {await store.incr(f"key {number}", 60) for number in range(70_000)}

    assert asyncio.run(fill()) == {1}
