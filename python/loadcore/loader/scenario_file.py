"""Reading a scenario file."""

from __future__ import annotations

import sys
import tokenize
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from loadcore.errors import Problem, ScenarioError, ScenarioNotFound
from loadcore.loader.user_code import user_code
from loadcore.scenario.scenario import Scenario
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.scenario.threshold import Threshold


@dataclass(frozen=True)
class ScenarioFile:
    """What a scenario file declares."""

    path: Path
    """The file, as an absolute path."""
    scenarios: tuple[Scenario, ...]
    """The scenarios that are bound to names without a leading underscore, in the order they are written."""
    thresholds: tuple[str | Threshold, ...]
    """The file's `THRESHOLDS`."""

    @property
    def name(self) -> str:
        """What a run of it is called: the file's name without its suffix."""
        return self.path.stem


def load(target: str | Path) -> ScenarioFile:
    """Reads a scenario file. `checkout.py:browse` picks the scenario called "browse".

    The file is executed once, under a name of its own: an `if __name__ == "__main__":` block does not run. Its folder
    is importable meanwhile.

    Raises:
        ScenarioNotFound: The file, or the scenario in it, does not exist.
        ScenarioError: It declares no scenario, or a declaration is not valid.
        ScenarioRaised: It raised an exception.
    """
    path, picked = _split(str(target))
    names = vars(execute(path))
    scenarios = tuple({id(each): each for name, each in names.items() if _is_scenario(name, each)}.values())
    if not scenarios:
        hint = 'assign one to a variable: checkout = Scenario("checkout", …)'
        raise ScenarioError([Problem("the file declares no scenario", at=path.name, hint=hint)])
    if picked is not None:
        called = [scenario.name for scenario in scenarios]
        if picked not in called:
            message = f'unknown scenario "{picked}"' + did_you_mean(picked, called)
            raise ScenarioNotFound([Problem(message, at=path.name)])
        scenarios = tuple(scenario for scenario in scenarios if scenario.name == picked)
    thresholds = names.get("THRESHOLDS", ())
    if not isinstance(thresholds, list | tuple):
        raise ScenarioError([Problem(f"THRESHOLDS is {thresholds!r}: it must be a list", at=path.name)])
    return ScenarioFile(path, scenarios, tuple(thresholds))


def _split(target: str) -> tuple[Path, str | None]:
    """The file, and the name of a scenario after a colon."""
    path = Path(target)
    if path.is_file():
        return path.resolve(), None
    file, colon, name = target.rpartition(":")
    if colon and Path(file).is_file():
        return Path(file).resolve(), name
    path = Path(file if colon else target)
    if target.startswith(("http://", "https://")):
        hint = f"to request one URL: loadcore bench {target}"
        raise ScenarioNotFound([Problem("a URL is not a scenario file", hint=hint)])
    if path.is_dir():
        raise ScenarioNotFound([Problem(f"{path} is a folder: name the scenario file in it")])
    neighbours = sorted(each.name for each in path.parent.glob("*.py")) if path.parent.is_dir() else []
    suggestion = did_you_mean(path.name, neighbours)
    raise ScenarioNotFound([Problem(f"{path} does not exist" + suggestion)])


def _is_scenario(name: str, value: object) -> bool:
    return isinstance(value, Scenario) and not name.startswith("_")


def execute(path: Path) -> ModuleType:
    """The module of an executed file. No byte code is written: the user's folder stays as it is.

    Raises:
        ScenarioError: The file cannot be read, or a declaration in it is not valid.
        ScenarioRaised: It raised an exception.
    """
    module = ModuleType(f"loadcore_scenario_{path.stem}")
    module.__file__ = str(path)
    # Dataclasses and type hints of the file look their module up here.
    sys.modules[module.__name__] = module
    source = _source(path)
    with user_code(), _importable(path.parent):
        exec(compile(source, str(path), "exec"), vars(module))  # noqa: S102 - a scenario file is a program of the user's
    return module


def _source(path: Path) -> str:
    """The text of a scenario file: UTF-8, unless its first lines say otherwise as Python files do."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except OSError as error:
        raise ScenarioError([Problem(f"the file cannot be read: {error.strerror}", at=path.name)]) from error
    except (SyntaxError, UnicodeDecodeError) as error:
        line = next((number for number, text in enumerate(_lines(path), start=1) if not _is_utf8(text)), 1)
        hint = "save the file as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-"
        problem = Problem("the file is not UTF-8", at=f"{path.name}:{line}", hint=hint)
        raise ScenarioError([problem]) from error


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
