"""Where a command is told to look for the target, checked before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.errors import UsageError

if TYPE_CHECKING:
    from loadcore.cli.settings import Settings
    from loadcore.target_watch import Look

NAMES = ("target_pid", "target_cgroup", "target_metrics")


def look_of(settings: Settings) -> Look | None:
    """Where to look; None if nothing was said.

    Raises:
        UsageError: More than one place is given, or there is nothing to be seen there.
    """
    given = {name: settings.get(name) for name in NAMES if settings.get(name) is not None}
    if not given:
        return None
    from loadcore.target_watch import Look

    if len(given) > 1:
        named = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{named} exclude each other", hint="give the one that shows the CPU of the whole target")
    look = Look(pid=given.get("target_pid"), group=given.get("target_cgroup"), metrics=given.get("target_metrics"))
    try:
        look.check()
    except ValueError as problem:
        (name,) = given
        raise UsageError(f"--{name.replace('_', '-')}: {problem}") from None
    return look
