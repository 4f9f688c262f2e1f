"""The `request` event, the rows of user code, and the statistics."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from locust import HttpUser, User, task
from locust.exception import StopUser

from tests.locustfiles.double import DoubleAnswer, DoubleCrossing


class Shopper(HttpUser):
    """A user with a context of its own."""

    host = "http://shop.test"

    def context(self) -> dict[str, Any]:
        """What listeners get with each request."""
        return {"user": "shopper"}


def test_listeners_get_what_locust_gives_them(crossing: DoubleCrossing, environment: Any) -> None:
    """All arguments of the event, each once."""
    seen: list[dict[str, Any]] = []
    environment.events.request.add_listener(lambda **meta: seen.append(meta))
    response = Shopper(environment).client.post("/a", data="xy", context={"b": 1})
    (meta,) = seen
    assert meta.pop("response") is response
    assert meta.pop("start_time") > 0
    assert meta == {
        "request_type": "POST",
        "response_time": 1.5,
        "name": "/a",
        "context": {"user": "shopper", "b": 1},
        "exception": None,
        "url": "http://shop.test/a",
        "response_length": 2,
    }
    assert crossing.rows == []
    assert environment.stats.total.num_requests == 1


def test_a_listener_may_steer_the_user(crossing: DoubleCrossing, environment: Any) -> None:
    """What Locust lets through its events continues into the task, and the request is counted."""

    def stop(**_: Any) -> None:
        raise StopUser

    environment.events.request.add_listener(stop)
    with pytest.raises(StopUser):
        Shopper(environment).client.get("/a")
    assert len(crossing.wishes) == 1
    assert environment.stats.total.num_requests == 1


def test_what_user_code_fires_is_a_row(crossing: DoubleCrossing, environment: Any) -> None:
    """And counts in the statistics, and is heard by the listeners."""
    seen: list[str] = []
    environment.events.request.add_listener(lambda name, **_: seen.append(name))
    environment.events.request.fire(
        request_type="DB", name="select", response_time=5.0, response_length=3, exception=None, context={}
    )
    with environment.events.request.measure("DB", "insert"):
        raise ValueError("broken")
    assert crossing.rows == [("DB", "select", 3, False), ("DB", "insert", 0, True)]
    assert seen == ["select", "insert"]
    assert environment.stats.get("insert", "DB").num_failures == 1
    assert environment.stats.total.num_requests == 2


def test_what_a_listener_fires_is_a_row_of_its_own(crossing: DoubleCrossing, environment: Any) -> None:
    """It is not taken for the request that it heard of."""

    def tell(name: str, **_: Any) -> None:
        if name == "/a":
            environment.events.request.fire(
                request_type="X", name="derived", response_time=1, response_length=0, exception=None, context={}
            )

    environment.events.request.add_listener(tell)
    Shopper(environment).client.get("/a", hooks={"response": []})
    assert crossing.rows == [("X", "derived", 0, False)]
    assert environment.stats.total.num_requests == 2


def test_a_removed_listener_is_not_called(crossing: DoubleCrossing, environment: Any) -> None:
    """Neither the file's nor the runner's."""
    seen: list[str] = []

    def listener(name: str, **_: Any) -> None:
        seen.append(name)

    environment.events.request.add_listener(listener)
    environment.events.request.remove_listener(listener)
    Shopper(environment).client.get("/a")
    assert seen == []
    assert len(crossing.wishes) == 1


def test_the_statistics_are_those_of_locust(crossing: DoubleCrossing, environment: Any) -> None:
    """Counted in batches, they say what counting one by one would."""
    times = [1, 12, 147, 3_432, 58_760, 12]
    for number, time_ms in enumerate(times):
        crossing.respond = lambda _wish, time_ms=time_ms: DoubleAnswer(service_ns=time_ms * 1_000_000)  # type: ignore[misc]
        Shopper(environment).client.get("/a" if number else "/b")
    total, one = environment.stats.total, environment.stats.get("/a", "GET")
    assert (total.num_requests, one.num_requests) == (6, 5)
    assert (total.min_response_time, total.max_response_time) == (1, 58_760)
    assert total.response_times == {1: 1, 12: 2, 150: 1, 3_400: 1, 59_000: 1}
    assert total.avg_response_time == pytest.approx(sum(times) / 6)
    assert sum(total.num_reqs_per_sec.values()) == 6
    environment.stats.reset_all()
    assert environment.stats.total.num_requests == 0


def test_users_join_when_they_start_and_leave_when_they_have_ended(crossing: DoubleCrossing, environment: Any) -> None:
    """What `on_stop` sends is still theirs."""

    class Short(HttpUser):
        host = "http://shop.test"

        @task
        def once(self) -> None:
            self.client.get("/once")
            raise StopUser

        def on_stop(self) -> None:
            self.client.get("/stop")

    class Other(User):
        @task
        def once(self) -> None:
            raise StopUser

    group = environment.runner.user_greenlets
    for kind in (Short, Other):
        kind(environment).start(group)
    assert len(crossing.present) == 2
    gevent.joinall(list(group), timeout=60)
    gevent.sleep(0.01)
    assert crossing.present == set()
    assert [(wish.name, user) for wish, user in zip(crossing.wishes, crossing.users, strict=True)] == [
        ("/once", 0),
        ("/stop", 0),
    ]


def test_an_entry_that_is_kept_is_up_to_date(crossing: DoubleCrossing, environment: Any) -> None:
    """Code that looks again and again asks for it once."""
    client = Shopper(environment).client
    total, entry = environment.stats.total, environment.stats.get("/", "GET")
    for count in (1, 2):
        client.get("/")
        assert (total.num_requests, entry.num_requests, total.response_times) == (count, count, {2: count})
    environment.stats.clear_all()
    client.get("/")
    assert environment.stats.total.num_requests == environment.stats.get("/", "GET").num_requests == 1
    assert len(crossing.wishes) == 3
