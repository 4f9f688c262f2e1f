"""Makes a Locust file's calls repeatable: in the process of Locust, and in that of loadcore's worker.

Each user draws the same numbers whatever others do, runs a given number of tasks, and waits and sleeps a fraction of
what the file says. A run ends with its last user, or when its time is over.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import random
import sys
import uuid
from typing import Any

_TASKS = int(os.environ.get("BENCH_TASKS", "12"))
_LONGEST_S = float(os.environ.get("BENCH_SECONDS", "20"))
_LONGEST_SHAPE_S = 5.0
_LOOK_S = 0.1
_WAIT_SHARE = 0.02
_users: dict[Any, random.Random] = {}
"""The numbers of each user's greenlet."""


class _Repeatable(random.Random):
    """Draws the same numbers in each process. One without a seed, as Faker and the like have, draws each user's own."""

    def __init__(self, x: Any = None) -> None:
        self._is_shared = x is None
        super().__init__(1 if x is None else x)

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Without a seed, no new one."""
        if a is not None:
            super().seed(a, version)

    def random(self) -> float:
        """As the base class has it."""
        own = _current() if self._is_shared else None
        return super().random() if own is None else own.random()

    def getrandbits(self, k: int, /) -> int:
        """As the base class has it."""
        own = _current() if self._is_shared else None
        return super().getrandbits(k) if own is None else own.getrandbits(k)


class _AfterImport(importlib.abc.MetaPathFinder):
    """Changes modules as soon as they are imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """As the base class has it."""
        change = _CHANGES.get(name)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def changed(module: Any) -> None:
                execute(module)
                change(module)

            spec.loader.exec_module = changed  # type: ignore[method-assign]
        return spec


def _current() -> Any:
    greenlet = sys.modules.get("greenlet")
    return _users.get(greenlet.getcurrent()) if greenlet and _users else None


def _change_random() -> None:
    """Have the functions of `random` draw a user's own numbers where a user calls them."""
    shared = _Repeatable()

    for name in [each for each in vars(random) if getattr(getattr(random, each), "__self__", None) is random._inst]:
        setattr(random, name, getattr(shared, name))
    random.Random = random.SystemRandom = _Repeatable  # type: ignore[misc, assignment]
    uuid.uuid4 = lambda: uuid.UUID(int=shared.getrandbits(128), version=4)


def _change_sleep(module: Any) -> None:
    sleep = module.sleep
    module.sleep = lambda seconds=0, *rest, **options: sleep(
        seconds * _WAIT_SHARE if seconds and _current() else seconds, *rest, **options
    )


def _change_tasks(module: Any) -> None:
    execute = module.TaskSet.execute_next_task

    def execute_next_task(task_set: Any) -> None:
        done = task_set.user.__dict__.setdefault("_bench_tasks", 0)
        if done >= _TASKS:
            print("bench: all tasks are done", file=sys.stderr, flush=True)
            raise module.StopUser
        task_set.user._bench_tasks = done + 1
        execute(task_set)

    module.TaskSet.execute_next_task = execute_next_task


def _end_in_time(environment: Any) -> None:
    """Quit as Locust does when the time of a run is over."""
    gevent = sys.modules["gevent"]
    runner, has_shape = environment.runner, environment.shape_class is not None
    left_s = _LONGEST_SHAPE_S if has_shape else _LONGEST_S
    while left_s > 0 and (has_shape or runner.state != "running" or len(runner.user_greenlets)):
        gevent.sleep(_LOOK_S)
        left_s -= _LOOK_S
    runner.quit()


def _change_users(module: Any) -> None:
    run = module.User.run

    def seeded(user: Any) -> None:
        current = sys.modules["greenlet"].getcurrent()
        if user.environment.runner is not None and not hasattr(user.environment, "_bench_ends"):
            user.environment._bench_ends = sys.modules["gevent"].spawn(_end_in_time, user.environment)
        _users[current] = _Repeatable(1)
        try:
            run(user)
        finally:
            del _users[current]

    module.User.run = seeded


def _change_numpy(module: Any) -> None:
    module.random.seed(1)


_CHANGES = {
    "gevent.hub": _change_sleep,
    "locust.user.task": _change_tasks,
    "locust.user.users": _change_users,
    "numpy": _change_numpy,
}
sys.meta_path.insert(0, _AfterImport())
_change_random()
