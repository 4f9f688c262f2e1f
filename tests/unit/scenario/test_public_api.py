"""The surface that scenario files are written with."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

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


def test_functions_are_functions_though_modules_bear_their_names() -> None:
    """`loadcore.run` is the function, also after the modules of those names were imported by others."""
    for name in ("loadcore.think",):
        importlib.import_module(name)

    functions = (loadcore.load, loadcore.run, loadcore.think)
    assert all(inspect.isfunction(each) for each in functions)


def test_importing_is_light() -> None:
    """The package can be imported without what reads results, draws, or speaks to the engine."""
    program = "import sys, loadcore; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"loadcore._core", "pyarrow", "numpy", "rich", "typer", "jinja2", "asyncio"} & {*modules} == set()
