"""Modules of one room import each other in one direction only, for types too."""

from __future__ import annotations

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGE = Path(__file__).parents[2] / "python" / "loadcore"
ROOMS = sorted(each.parent.name for each in PACKAGE.glob("*/__init__.py"))


@cache
def graph() -> grimp.ImportGraph:
    """All imports of the package, those for type checkers among them."""
    return grimp.build_graph("loadcore", cache_dir=None)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_no_circle_of_imports(room: str) -> None:
    """What two modules both need is in a third."""
    inside = f"loadcore.{room}."
    modules = {each for each in graph().modules if each.startswith(inside)}
    imports = {each: graph().find_modules_directly_imported_by(each) & modules for each in modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
