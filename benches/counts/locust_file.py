"""What callgrind watches, users of Locust in one process: `python -m benches.counts.locust_file URL CASE N`.

The users run on Locust's own runner in the main thread, as in a worker; the engine, and what reads its events, in
threads of their own. Cases that do less than a request tell what its parts cost.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import locust
from gevent import monkey
from locust.env import Environment

from loadcore.engine import Ended, Engine
from loadcore.locustfiles.crossing import Hold, Wish
from loadcore.locustfiles.installation import Installation
from loadcore.locustfiles.plan import plan_of
from loadcore.locustfiles.ring_crossing import RingCrossing
from loadcore.locustfiles.standalone import NO_FACTS
from loadcore.processes.user_code import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

USERS = 64
AGENT = {"User-Agent": "loadcore-bench"}


def nothing(_user: Any) -> None:
    """Locust's loop alone: choose a task, run it, wait for no time."""


def ring(user: Any) -> None:
    """A request that was written beforehand: to the engine and back, past the session."""
    user.environment.calls.call(user._loadcore_number, user.environment.wish)


def get(user: Any) -> None:
    """A request by the client of the class."""
    user.client.get("/", headers=AGENT)


CASES: dict[str, tuple[type, Callable[[Any], None]]] = {
    "loop": (locust.User, nothing),
    "ring": (locust.User, ring),
    "http": (locust.HttpUser, get),
    "fast": (locust.FastHttpUser, get),
}
"""What users are, and what their two tasks do."""


def users_of(kind: type, does: Callable[[Any], None], tasks: int) -> Any:
    """A class of users that end after this number of tasks of all together."""
    begun = itertools.count()

    def one(user: Any) -> None:
        if next(begun) >= tasks:
            raise locust.exception.StopUser
        does(user)

    def other(user: Any) -> None:
        if next(begun) >= tasks:
            raise locust.exception.StopUser
        does(user)

    return type("Asks", (kind,), {"one": locust.task(one), "other": locust.task(other)})


def run(base_url: str, case: str, requests: int) -> None:
    """Has users run this number of tasks."""
    engine = Engine(plan_of(Path("locust.py"), NO_FACTS).to_json(), 0, 1)
    crossing = engine.crossing()
    if crossing is None:
        raise RuntimeError("the plan of a Locust file has a crossing")
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    ended = monkey.get_original("_thread", "allocate_lock")()
    ended.acquire()

    def read() -> None:
        while not isinstance(engine.next_event(1_000), Ended):
            pass
        ended.release()

    # What a patched process starts as a thread is a greenlet.
    monkey.get_original("_thread", "start_new_thread")(read, ())
    installation = Installation(RingCrossing(crossing, lambda _notice: None, print))
    environment: Any = Environment(user_classes=[users_of(*CASES[case], requests)], host=base_url)
    environment.calls = installation.calls
    environment.wish = Wish("/", "GET", f"{base_url}/", [*AGENT.items()], hold=Hold.REDIRECTS)
    runner = environment.create_local_runner()
    freeze()
    # Nothing looks at the clock meanwhile: under callgrind it runs fifty times as fast.
    runner.start(USERS, USERS)
    runner.spawning_greenlet.join()
    runner.user_greenlets.join()
    runner.quit()
    crossing.finish(0)
    crossing.flush()
    ended.acquire()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
