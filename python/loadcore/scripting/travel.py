"""How a user's function gets to the workers.

By its file and its name: each worker executes the file, as the command that started the run did. A function of a
notebook, of a program, or of another function cannot be found by a name, and is sent itself.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import inspect
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import LoadcoreError
from loadcore.loader.scenario_file import execute
from loadcore.loader.user_code import user_code
from loadcore.scripting.client import instance_of
from loadcore.wording.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loadcore.plan.document import ScriptPlan
    from loadcore.scenario.step import Script
    from loadcore.scripting.user import User

_BY_VALUE: Final = {"__main__"}
_staying: Final = ContextVar[dict[str, object] | None]("staying", default=None)


class NotPortable(LoadcoreError):  # noqa: N818 - reads as what happened
    """A function cannot be sent to a worker."""


@contextmanager
def staying() -> Iterator[None]:
    """What is packed and found inside stays in this process: it is the function itself, with all that it uses."""
    token = _staying.set({})
    try:
        yield
    finally:
        _staying.reset(token)


def packed(script: Callable[..., Any], user: type[User] | None = None) -> ScriptPlan:
    """What a worker needs to find a function: its file and its name, or the function itself.

    Args:
        script: A function, or a method of a class of users.
        user: That class.

    Raises:
        NotPortable: It holds something that cannot be sent.
    """
    # What a decorator made of a function is what is executed; where it is written is that of the function.
    function = inspect.unwrap(script)
    owner = script if user is None else user
    name = f"{user.__name__}.{script.__name__}" if user else str(getattr(script, "__qualname__", kind_of(script)))
    plan: ScriptPlan = {"name": name.replace("<locals>.", ""), "calls": []}
    code = getattr(function, "__code__", None)
    path = Path(code.co_filename) if code is not None else None
    if code is not None and path is not None:
        plan["at"] = f"{path.name}:{code.co_firstlineno}"
    if path is not None and path.is_file():
        plan["sha256"] = _digest(path)
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    if user is not None:
        plan["method"] = script.__name__
    if (staying := _staying.get()) is not None:
        plan["pickled"] = str(len(staying))
        staying[plan["pickled"]] = owner
        return plan
    if file is None or owner.__module__ in _BY_VALUE or _found(vars(module), owner.__qualname__) is not owner:
        plan["pickled"] = base64.b64encode(_pickled(owner, name)).decode()
        return plan
    plan["file"] = str(Path(file).resolve())
    plan["qualified"] = owner.__qualname__
    if (root := _root(Path(file).resolve(), owner.__module__)) is not None:
        plan["module"], plan["root"] = owner.__module__, str(root)
    return plan


def _root(file: Path, module: str) -> Path | None:
    """The folder that a module is imported from; None for a scenario file, which is executed."""
    parts = module.split(".")
    path = file.parent if file.name == "__init__.py" else file.with_suffix("")
    return path.parents[len(parts) - 1] if list(path.parts[-len(parts) :]) == parts else None


def find(plan: ScriptPlan) -> Script:
    """The function of a script of a plan. One of a class gets an instance for each user.

    Raises:
        LoadcoreError: Its file raised, or has no such function any more.
    """
    user, function = _unpacked(plan)
    if user is None:
        return function
    name = plan["method"]
    return lambda client: getattr(instance_of(client, user), name)()


def _unpacked(plan: ScriptPlan) -> tuple[type[User] | None, Callable[..., Any]]:
    """The class of users, if it is one, and the function. Executes its file, once in each process."""
    owner: Any
    if (staying := _staying.get()) is not None:
        owner = staying[plan["pickled"]]
    elif "pickled" in plan:
        import pickle  # noqa: PLC0415 - for functions that have no file

        owner = pickle.loads(base64.b64decode(plan["pickled"]))  # noqa: S301 - made by the process that started this one
    else:
        owner = _found(_imported(plan) if "module" in plan else _executed(plan["file"]), plan["qualified"])
        if owner is None:
            raise LoadcoreError(
                f'{plan["file"]} has no "{plan["qualified"]}" any more: was it changed during the start?'
            )
    return (owner, getattr(owner, plan["method"])) if "method" in plan else (None, owner)


def _imported(plan: ScriptPlan) -> Mapping[str, Any]:
    if plan["root"] not in sys.path:
        sys.path.insert(0, plan["root"])
    with user_code():
        return vars(importlib.import_module(plan["module"]))


@lru_cache(64)
def _executed(file: str) -> Mapping[str, Any]:
    return vars(execute(Path(file)))


def _found(names: Mapping[str, Any], qualified: str) -> object:
    """What a dotted name means; None where it means nothing."""
    first, *rest = qualified.split(".")
    found = names.get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pickled(owner: object, name: str) -> bytes:
    import cloudpickle  # noqa: PLC0415 - for functions that have no file

    try:
        return bytes(cloudpickle.dumps(owner))
    except Exception as error:
        held = _culprit(owner)
        if held is None:
            raise NotPortable(f"{name} cannot be sent to a worker: {error}", hint="write it into a file") from error
        variable, value = held
        message = f'{name} uses "{variable}", {kind_of(value)}, which cannot be sent to a worker'
        raise NotPortable(
            message, hint="make it inside the function, or once in each worker with @per_worker"
        ) from error


def _culprit(owner: object) -> tuple[str, object] | None:
    """The variable of a function that cannot be sent."""
    import cloudpickle  # noqa: PLC0415

    if not inspect.isfunction(owner):
        return None
    used = inspect.getclosurevars(owner)
    for variable, value in {**used.nonlocals, **used.globals}.items():
        try:
            cloudpickle.dumps(value)
        except Exception:  # noqa: BLE001 - whatever keeps it from being sent
            return variable, value
    return None
