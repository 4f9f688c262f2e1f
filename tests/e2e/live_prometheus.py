"""A real Prometheus beside a run."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """
global: {scrape_interval: 1s}
scrape_configs: [{job_name: scraped, static_configs: [{targets: ["TARGET"]}]}]
"""
WITHIN_S = 40
"""How long to wait for what it scrapes."""


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """A Prometheus that scrapes a target each second, and takes remote writes."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    (folder / "prometheus.yml").write_text(_CONFIG.replace("TARGET", target))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def asked(url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query; nothing while it is not up."""
    found: dict[str, Any] = _read(f"{url}/api/v1/query?query={quote(query)}")
    result: list[dict[str, Any]] = found.get("result", [])
    return result


def exemplars(url: str, query: str) -> list[dict[str, Any]]:
    """The exemplars of the last minutes that it answers to a query; nothing while it is not up."""
    now = time.time()
    series: Any = _read(f"{url}/api/v1/query_exemplars?query={quote(query)}&start={now - 600}&end={now + 60}")
    return [exemplar for each in series for exemplar in each["exemplars"]]


def _read(url: str) -> Any:
    try:
        with urlopen(url) as response:
            return json.load(response)["data"]
    except URLError:
        return {}
