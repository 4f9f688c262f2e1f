"""The surface that scenario files are written with."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

import loadcore


def test_all_names_are_sorted_and_there() -> None:
    """`__all__` is what there is, in an order in which things are found."""
    assert sorted(loadcore.__all__) == loadcore.__all__
    assert [name for name in loadcore.__all__ if not hasattr(loadcore, name)] == []


def test_everything_public_is_documented() -> None:
    """Every public name, and every public member of public classes, says what the reader may rely on."""
    undocumented = []
    for name in loadcore.__all__:
        thing = getattr(loadcore, name)
        described = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
        members = vars(described) if inspect.isclass(described) else {}
        public = {member: value for member, value in members.items() if not member.startswith("_") and callable(value)}
        undocumented += [f"{name}.{member}" for member, value in public.items() if not inspect.getdoc(value)]
        # A dataclass without a docstring gets its signature as one.
        text = inspect.getdoc(described) or ""
        undocumented += [name] if not text or text.startswith(f"{name}(") else []
    assert undocumented == []


def test_no_name_shadows_a_module() -> None:
    """`loadcore.load` is the function in every import: no module of the package bears a public name."""
    modules = {module.name for module in pkgutil.iter_modules(loadcore.__path__)}
    assert modules & {*loadcore.__all__} == set()


def test_types_for_annotations_are_what_the_functions_give() -> None:
    """What the reference tells users to annotate with is public, and holds of what they declare."""
    given: dict[Any, object] = {
        loadcore.Auth: loadcore.bearer("t"),
        loadcore.Claim: loadcore.response.status == 200,
        loadcore.Feeder: loadcore.rows_feeder([{"a": 1}]),
        loadcore.Load: loadcore.users(1, duration="1s"),
        loadcore.Request: loadcore.get("/"),
        loadcore.Step: loadcore.think("1s"),
    }
    assert [kind for kind, value in given.items() if not isinstance(value, kind)] == []


def test_importing_is_light() -> None:
    """Scenario files load neither what reads results, nor what draws, nor the engine."""
    assert {"loadcore._core", "pyarrow", "numpy", "rich", "typer", "jinja2", "asyncio"} & modules_after("get") == set()


@pytest.mark.parametrize("name", ["processes", "missing_name"])
def test_names_are_imported_when_one_is_used(name: str) -> None:
    """Whoever needs a module of the package, as workers do, does not import the language of scenarios with it."""
    imported = modules_after(name)
    assert ("loadcore.processes" in imported) == (name == "processes")
    assert ("loadcore.scenario" in imported) == (name == "missing_name")
    assert "loadcore.scenario" in modules_after("get")


def modules_after(name: str) -> set[str]:
    """What is imported once a program has tried to import this name from the package."""
    program = f"""
import contextlib, sys
with contextlib.suppress(ImportError):
    from loadcore import {name}
print(*sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {*run.stdout.split()}
