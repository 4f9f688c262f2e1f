"""What was measured before on this machine, by the shape of the plan, in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.calibration.measure import Calibration
from loadcore.engine import engine_version
from loadcore.machine import host
from loadcore.results.run_folder import write_durably

if TYPE_CHECKING:
    from loadcore.calibration.shape import Shape

_FORMAT = 1
_LEFT_OUT = frozenset({"at", "seed", "base_url"})
"""What two plans of one shape may differ in."""


def recall(shape: Shape) -> Calibration | None:
    """What was last measured of a plan of this shape on this machine. What cannot be read was not measured."""
    folder = _folder()
    if folder is None:
        return None
    try:
        return Calibration.from_dict(json.loads((folder / _name(shape)).read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return None


def remember(shape: Shape, measured: Calibration) -> Path | None:
    """Keep what was measured, and say where. A cache that takes nothing costs the next run two seconds."""
    folder = _folder()
    if folder is None:
        return None
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(folder / _name(shape), json.dumps(measured.to_dict()) + "\n")
        return folder / _name(shape)
    return None


def _folder() -> Path | None:
    named = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # A user without a home.
        # Relative paths are not valid there, says the specification.
        home = Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"
        return home / "loadcore" / "calibration"
    return None


def _name(shape: Shape) -> str:
    """A name for the shape on this machine. What is hashed holds no secret."""
    facts = host.describe()
    here = [facts["cpu"], facts["architecture"], facts["kernel"], host.allowed_cores(), engine_version, _FORMAT]
    plan = _bare({**shape.plan.redacted(), "name": ""})
    text = json.dumps([here, plan, shape.users], sort_keys=True, ensure_ascii=False)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _bare(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _bare(member) for name, member in value.items() if name not in _LEFT_OUT}
    if isinstance(value, list | tuple):
        return [_bare(member) for member in value]
    return value
