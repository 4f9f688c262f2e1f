"""Where a command looks for the target, checked before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadcore.cli.settings import Settings
    from loadcore.machine.look import Look


def look_of(settings: Settings) -> Look | None:
    """Where to look; None if no option was given. Errors as of `loadcore.machine.look.look_at`."""
    given = [settings.get(name) for name in ("target_pid", "target_cgroup", "target_metrics")]
    if given == [None] * len(given):
        return None
    from loadcore.machine.look import look_at

    return look_at(*given, written="--target-{}")
