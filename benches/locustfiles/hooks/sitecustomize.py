"""Makes a Locust file's calls repeatable: in the process of Locust, and in that of loadcore's worker.

A user draws the same numbers in both, runs a given number of tasks, and waits a fraction of what the file says.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import random
import sys
from typing import Any

_TASKS = int(os.environ.get("BENCH_TASKS", "12"))
_WAIT_SHARE = 0.02


class _AfterImport(importlib.abc.MetaPathFinder):
    """Changes `locust.user.task` and `locust.user.users` as soon as they are imported."""

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


def _change_tasks(module: Any) -> None:
    execute, sleep = module.TaskSet.execute_next_task, module.TaskSet._sleep

    def execute_next_task(task_set: Any) -> None:
        done = task_set.user.__dict__.setdefault("_bench_tasks", 0)
        if done >= _TASKS:
            print("bench: all tasks are done", file=sys.stderr, flush=True)
            raise module.StopUser
        task_set.user._bench_tasks = done + 1
        execute(task_set)

    module.TaskSet.execute_next_task = execute_next_task
    module.TaskSet._sleep = lambda task_set, seconds: sleep(task_set, seconds * _WAIT_SHARE)


def _change_users(module: Any) -> None:
    run = module.User.run

    def seeded(user: Any) -> None:
        random.seed(1)
        run(user)

    module.User.run = seeded


_CHANGES = {"locust.user.task": _change_tasks, "locust.user.users": _change_users}
sys.meta_path.insert(0, _AfterImport())
