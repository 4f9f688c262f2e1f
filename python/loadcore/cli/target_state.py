"""Where the running target is written down, so that another command finds and stops it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.cli import target_folder
from loadcore.cli.gateway import Gateway
from loadcore.errors import LimitsError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = "target.json"


def known() -> Gateway | None:
    """The target that was written down, whether it still runs or not."""
    folder = _folder()
    try:
        return Gateway.from_dict(json.loads((folder / _NAME).read_text(encoding="utf-8"))) if folder else None
    except (OSError, ValueError, TypeError):
        return None


def forget(gateway: Gateway | None) -> None:
    """Remove what a stopped target left behind: its folder, and where it was written down."""
    if folder := _folder():
        (folder / _NAME).unlink(missing_ok=True)
    if gateway is not None and Path(gateway.folder).name.startswith(target_folder.PREFIX):
        shutil.rmtree(gateway.folder, ignore_errors=True)


@contextmanager
def claim() -> Iterator[Callable[[Gateway], None]]:
    """What writes a target down, to be had before one is started: where nothing can be written, nothing may start.

    Only one command has it at a time; others wait.

    Raises:
        LimitsError: No folder can be written to.
    """
    folder = _folder()
    if folder is None:
        tried = ", ".join(map(str, _candidates()))
        message = f"a target could not be stopped later, because its state cannot be written to any of {tried}"
        raise LimitsError([Problem(message, hint="set XDG_STATE_HOME to a folder that you can write to")])
    with (folder / "target.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda gateway: _write(folder / _NAME, gateway)


def _folder() -> Path | None:
    """The first folder that takes files; None if none does."""
    import tempfile

    for folder in _candidates():
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In a world-writable folder, another user may have created it.
            if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
                with tempfile.TemporaryFile(dir=folder):
                    return folder
    return None


def _candidates() -> list[Path]:
    """Where it may be written down, the best first. Homes of service users and in containers often take nothing."""
    import tempfile

    runtime, cache, state = (os.environ.get(f"XDG_{name}") for name in ("RUNTIME_DIR", "CACHE_HOME", "STATE_HOME"))
    found = [Path(runtime)] if runtime else []
    with contextlib.suppress(RuntimeError):  # A user without a home.
        found.append(Path(cache) if cache else Path.home() / ".cache")
    found += [Path(state)] if state else []
    return [*(each / "loadcore" for each in found), Path(tempfile.gettempdir()) / f"loadcore-{os.getuid()}"]


def _write(path: Path, gateway: Gateway) -> None:
    # By rename, readable for this user only: it holds the token that opens the gateway's counters.
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(gateway.to_json(), encoding="utf-8")
    partial.replace(path)
