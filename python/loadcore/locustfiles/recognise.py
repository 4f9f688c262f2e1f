"""Tells a Locust file from a scenario file, without running either."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    import ast

Kind = Literal["locust", "scenario", "unsure"]

BEFORE_1_0: Final = {
    "HttpLocust": "HttpUser",
    "FastHttpLocust": "FastHttpUser",
    "Locust": "User",
    "TaskSequence": "SequentialTaskSet",
    "seq_task": "task",
}
"""What Locust before 1.0 called its classes, and what they are called since."""
_OF_LOCUST: Final = frozenset({"locust", "locust_plugins"})
_OURS: Final = "loadcore"
_MOST_MODULES: Final = 50
_LOOK_WITHIN_S: Final = 30.0
_LOOK: Final = """
import importlib.util, os, sys
sys.path[:0] = [os.getcwd(), os.path.dirname(sys.argv[1])]
spec = importlib.util.spec_from_file_location("looked_at", sys.argv[1])
sys.modules["looked_at"] = module = importlib.util.module_from_spec(spec)
sys.stdout = sys.stderr
try:
    spec.loader.exec_module(module)
except BaseException:
    pass
locust = sys.modules.get("locust")
kinds = [each for each in vars(module).values() if isinstance(each, type)]
found = locust is not None and any(issubclass(each, locust.User) and not each.abstract for each in kinds)
os._exit(10 if found else 11)
"""
_IS_LOCUST: Final = 10


_IMPORTS_LOCUST: Final = re.compile(rb"^\s*(?:from|import) locust\b", re.MULTILINE)
"""In a file that is not Python: whoever reads it says where it is not."""


class Looked(NamedTuple):
    """What a file was taken for.

    Attributes:
        kind: What it is.
        old: Names of Locust before 1.0 that it imports.
    """

    kind: Kind
    old: tuple[str, ...] = ()


def is_locustfile(path: Path) -> bool:
    """Whether a file is one of Locust's. Where its text does not say, a process of its own runs it and looks.

    A file that cannot be read is not; one that cannot be parsed is what its lines import.
    """
    text = _text_of(path)
    if b"locust" not in text and b"loadcore" in text:
        return False  # As good as all files: no parser need be imported.
    looked = look(path)
    if looked.kind != "unsure":
        return looked.kind == "locust"
    import subprocess  # noqa: PLC0415 - few files need it

    command = [sys.executable, "-c", _LOOK, str(path.resolve())]
    try:
        child = subprocess.run(command, capture_output=True, timeout=_LOOK_WITHIN_S, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return child.returncode == _IS_LOCUST


def look(path: Path) -> Looked:
    """What the text of a file says: what it imports, and what the modules beside it import."""
    found: dict[Path, _Imports] = {}
    waiting = [path.resolve()]
    folders = (path.resolve().parent, Path.cwd())
    while waiting and len(found) < _MOST_MODULES:
        file = waiting.pop()
        if file in found:
            continue
        imports = _imports_of(file)
        if imports is None:
            if not found:
                return Looked("locust" if _IMPORTS_LOCUST.search(_text_of(file)) else "scenario")
            continue
        found[file] = imports
        waiting += [each for name in imports.modules for each in _files_of(name, folders)]
    own = found[path.resolve()]
    old = tuple(name for name in BEFORE_1_0 if name in own.of_locust)
    if own.packages & _OF_LOCUST and _OURS not in own.packages:
        return Looked("locust", old)
    if own.packages & _OF_LOCUST:
        return Looked("unsure", old)
    if _OURS in own.packages:
        return Looked("scenario")
    indirect = any(each.packages & _OF_LOCUST for each in found.values())
    return Looked("unsure" if indirect or own.is_dynamic else "scenario", old)


class _Imports(NamedTuple):
    modules: frozenset[str]
    of_locust: frozenset[str]
    is_dynamic: bool

    @property
    def packages(self) -> frozenset[str]:
        return frozenset(module.partition(".")[0] for module in self.modules)


def _imports_of(file: Path) -> _Imports | None:
    import ast  # noqa: PLC0415 - most files need none

    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    modules: set[str] = set()
    of_locust: set[str] = set()
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
            if node.module.partition(".")[0] == "locust":
                of_locust.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = f"{node.module}." if node.module else ""
            modules.update(f"{inside}{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "locust":
            of_locust.add(node.attr)
        elif isinstance(node, ast.Call) and _name_of(node.func) in {"import_module", "__import__", "exec"}:
            dynamic = True
    return _Imports(frozenset(modules), frozenset(of_locust), dynamic)


def _text_of(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _name_of(function: ast.expr) -> str:
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def _files_of(module: str, folders: tuple[Path, ...]) -> list[Path]:
    """The files in these folders that a module may be."""
    part = Path(*module.split("."))
    found = [folder / file for folder in folders for file in (part.with_suffix(".py"), part / "__init__.py")]
    return [file for file in found if file.is_file()]
