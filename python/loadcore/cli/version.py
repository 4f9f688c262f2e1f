"""`loadcore version`: what is installed."""

import json
import platform

from loadcore.cli.console import standard
from loadcore.cli.options import Json
from loadcore.errors import ExitCode

_SHOWN = ("loadcore", "pyarrow", "rich", "typer", "psutil")


def command(as_json: Json = False) -> int:
    """Prints the version; with --json all versions."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _SHOWN:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    standard().result(json.dumps(versions, indent=2) if as_json else f"loadcore {versions['loadcore']}")
    return ExitCode.PASS
