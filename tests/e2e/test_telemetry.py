"""Metrics of a run in a real Prometheus: scraped, written to it, and asked for by the dashboard."""

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

from integrations.grafana import make
from loadcore.telemetry.prometheus import Scraped
from loadcore.telemetry.pushed import Pushed, remote_write
from tests.e2e.command import loadcore
from tests.e2e.small_target import small_target
from tests.unit.telemetry.example import measures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """
global: {scrape_interval: 1s}
scrape_configs: [{job_name: scraped, static_configs: [{targets: ["TARGET"]}]}]
"""
_WITHIN_S = 40


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
        "--log.level=error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def asked(url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query; nothing while it is not up."""
    try:
        with urlopen(f"{url}/api/v1/query?query={quote(query)}") as response:
            found: list[dict[str, Any]] = json.load(response)["data"]["result"]
    except URLError:
        return []
    return found


def test_the_dashboard_finds_everything_in_a_live_prometheus(tmp_path: Path) -> None:
    """Each of its queries has a value, of what was scraped as of what was written."""
    scraped = Scraped("127.0.0.1", 0, "nightly")
    try:
        with prometheus(tmp_path, scraped.address.removeprefix("http://").removesuffix("/metrics")) as url:
            told: list[str] = []
            resource = {"job": "written", "run": "nightly"}
            sender = remote_write(f"{url}/api/v1/write")
            until, requests = time.monotonic() + _WITHIN_S, 100
            while not asked(url, "up == 1") and time.monotonic() < until:
                time.sleep(0.1)
            written = Pushed(sender, resource, told.append, conventional=False, every_s=1)
            queries = [t["expr"] for panel in make.dashboard(otel=False)["panels"] for t in panel["targets"]]
            ready = [
                query.replace("$__rate_interval", "30s").replace('=~"$scenario"', f'=~".*",job="{job}"')
                for query in queries
                for job in ("scraped", "written")
            ]
            missing = ready
            while missing and time.monotonic() < until:
                requests += 50
                scraped.measures = written.measures = measures(requests)
                time.sleep(0.5)
                missing = [query for query in missing if not asked(url, query)]
            written.close()
            counted = asked(url, 'sum by (job) (loadcore_requests_total{outcome="ok"})')
    finally:
        scraped.close()
    assert missing == []
    assert {each["metric"]["job"] for each in counted} == {"scraped", "written"}
    assert told == []


def test_a_run_serves_its_metrics(tmp_path: Path) -> None:
    """The address is printed, and a run with metrics ends as one without; wrong ones are refused."""
    with small_target() as url:
        arguments = ("bench", f"{url}/slow", "-n", "4", "-c", "2", "--workers", "1", "--no-strict-client")
        ran = loadcore(*arguments, "--prometheus", "0", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "metrics for Prometheus: http://127.0.0.1:" in ran.stderr
    for option, value in (("--prometheus", "nix"), ("--otlp", "localhost:4318"), ("--remote-write", "/write")):
        refused = loadcore("bench", "http://127.0.0.1:1/", option, value, cwd=tmp_path)
        assert refused.returncode == 2, option
        assert "is not a" in refused.stderr
