"""The limit of open files of this process."""

from __future__ import annotations

import resource


def raise_file_limit() -> tuple[int, int]:
    """Raise the soft limit of open files to the hard one, which needs no rights. Gives both as they are then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)
