"""A Locust file that was imported: its classes, its shape and its options. Runs where Locust may be imported."""

from __future__ import annotations

import ast
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locust.main import merge_locustfiles_content
from requests import certs

from loadcore.errors import Problem, ScenarioError
from loadcore.loader.user_code import user_code
from loadcore.locustfiles import locust_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Locustfile:
    """What a file has.

    Attributes:
        path: The file.
        options: As Locust's parser has read them.
        user_classes: Those that run, by name.
        available: All of them, by name.
        shapes: Instances of `LoadTestShape`, by name.
        tasks: By class, what it has to do.
    """

    path: str
    options: Any
    user_classes: Mapping[str, Any]
    available: Mapping[str, Any]
    shapes: Mapping[str, Any]
    tasks: Mapping[str, Any]

    @property
    def shape(self) -> Any | None:
        """The shape that decides the number of users, if the file has one."""
        return next(iter(self.shapes.values()), None)


def load(path: str, arguments: Sequence[str]) -> Locustfile:
    """Import a file and read its options.

    Raises:
        ScenarioRaised: The file raised an exception.
        ScenarioError: It has no user class, or not the one that was asked for.
        UsageError: The options make no sense.
    """
    name = Path(path).name
    with user_code():
        available, shapes, tasks, _ = merge_locustfiles_content([str(Path(path).resolve())])
    options = locust_options.parse(path, arguments)
    if not available:
        hint = "derive a class from HttpUser, and give it a method with @task"
        raise ScenarioError([Problem("the file has no user class", at=name, hint=hint)])
    chosen = options.user_classes
    if missing := sorted(set(chosen) - set(available)):
        message = f"unknown user class {', '.join(missing)}"
        raise ScenarioError([Problem(message, at=name, hint=f"the classes are {', '.join(available)}")])
    classes = {each: available[each] for each in available if not chosen or each in chosen}
    return Locustfile(path, options, classes, available, shapes, tasks)


def facts_of(file: Locustfile) -> dict[str, Any]:
    """What the supervisor needs to know, as JSON types."""
    options = file.options
    shape = file.shape
    follows = shape is None or shape.use_common_options
    return {
        "classes": [_class_of(each) for each in file.user_classes.values()],
        "host": options.host,
        "users": _one_if_unset(options.num_users) if follows else None,
        "spawn_rate": _one_if_unset(options.spawn_rate) if follows else None,
        "run_time_s": options.run_time if shape is None else None,
        "stop_timeout_s": float(options.stop_timeout or 0),
        "shape": None if shape is None else type(shape).__name__,
        "processes": options.processes,
        "exit_code_on_error": options.exit_code_on_error,
        "tags": options.tags,
        "exclude_tags": options.exclude_tags,
        "sets_host": _sets_host(file.path),
        "ca_file": _authorities(),
    }


def _one_if_unset(number: float | None) -> float:
    return 1 if number is None else number


def _authorities() -> str | None:
    """The certificate authorities that `requests` brings, where the system has none."""
    system = ssl.get_default_verify_paths()
    if system.cafile or (system.capath and any(Path(system.capath).iterdir())):
        return None
    return str(certs.where())


def _sets_host(path: str) -> bool:
    """Whether the file gives something a host while it runs: a class, an instance, the environment."""
    tree = ast.parse(Path(path).read_bytes())
    return any(
        isinstance(node, ast.Attribute) and node.attr == "host" and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )


def _class_of(user: Any) -> dict[str, Any]:
    from locust import FastHttpUser, HttpUser  # noqa: PLC0415 - beside its use

    client = "http" if issubclass(user, HttpUser) else "fast" if issubclass(user, FastHttpUser) else "own"
    counted: dict[str, int] = {}
    for task in user.tasks:
        counted[task.__name__] = counted.get(task.__name__, 0) + 1
    return {
        "name": user.__name__,
        "client": client,
        "host": user.host,
        "weight": user.weight,
        "fixed_count": user.fixed_count,
        "tasks": [{"name": name, "weight": weight} for name, weight in counted.items()],
    }
