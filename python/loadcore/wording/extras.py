"""Packages that are not there: which of an extra are missing, and what installs packages into this very environment."""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib import metadata, util
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def missing(extra: str) -> list[str]:
    """The packages of an extra that are not installed, by their names on the package index."""
    named = []
    for requirement in metadata.requires("loadcore") or ():
        package, _, marker = requirement.partition(";")
        of_extra, name = _EXTRA.search(marker), _NAME.match(package)
        if of_extra and of_extra[1] == extra and name:
            named.append(name[0])
    return [name for name in named if not _is_installed(name)]


def installer() -> str:
    """The command that installs packages into the environment that runs loadcore."""
    python = shlex.quote(sys.executable)
    if Path(sys.prefix).parent.name == "venvs" and "pipx" in Path(sys.prefix).parts:
        return f"pipx inject {shlex.quote(Path(sys.prefix).name)}"
    if util.find_spec("pip") is None:
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def install_command(extra: str) -> str:
    """The command that adds an extra to the loadcore that runs now, from where that one was installed.

    The source is what the installer recorded (`direct_url.json`, PEP 610); without a record it is the package index.
    """
    return f"{installer()} {_source(extra)}"


def _source(extra: str) -> str:
    recorded = metadata.distribution("loadcore").read_text("direct_url.json")
    if recorded is None:
        return f"'loadcore[{extra}]'"
    origin = json.loads(recorded)
    url = str(origin["url"])
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    elif "dir_info" in origin:
        folder = url2pathname(urlsplit(url).path)
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return editable + shlex.quote(f"{folder}[{extra}]")
    return shlex.quote(f"loadcore[{extra}] @ {url}")


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
