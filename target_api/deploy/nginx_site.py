"""nginx as a local process: its template filled in, and a reload that is over when it returns."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import psutil

from loadcore_target.deploy.topology import FOLDER

TEMPLATE = FOLDER / "nginx.conf.template"
_POLL_S = 0.02
_RELOAD_S = 5.0


def write(folder: Path, variables: Mapping[str, str], servers: str) -> None:
    """Fills the template as the image's entry point does: variables that it knows, and no others."""
    values = {**variables, "NGINX_SERVERS": servers, "NGINX_RESOLVER": "127.0.0.1"}
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], TEMPLATE.read_text(encoding="utf-8"))
    partial = folder / "nginx.conf.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "nginx.conf")


async def reloaded(pid: int, before: set[int]) -> None:
    """Waits until the worker processes of nginx are other ones: then the new configuration is in use."""
    deadline = asyncio.get_running_loop().time() + _RELOAD_S
    while asyncio.get_running_loop().time() < deadline:
        if workers(pid) - before:
            return
        await asyncio.sleep(_POLL_S)


def workers(pid: int) -> set[int]:
    """PIDs of the worker processes."""
    try:
        return {child.pid for child in psutil.Process(pid).children()}
    except psutil.Error:
        return set()
