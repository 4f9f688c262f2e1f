"""Whether the extra `cluster` is installed."""

from __future__ import annotations

from importlib import util

from loadcore.errors import UsageError
from loadcore.wording.extras import install_command


def require_extra() -> None:
    """Refuse what needs the extra where it is not installed.

    Raises:
        UsageError: It is not.
    """
    missing = [name for name in ("distributed", "cryptography") if util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"many machines need packages that are not installed: {', '.join(missing)}",
            hint=f"install them: {install_command('cluster')}",
        )
