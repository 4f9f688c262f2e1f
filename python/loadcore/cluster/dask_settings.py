"""Settings of Dask under which a node costs a third of a percent of a core, and nothing is ever run twice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadcore.cluster.certificates import Certificates

ENVIRONMENT: Final = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
    "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "50",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
    "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "False",
    "DASK_DISTRIBUTED__SCHEDULER__ACTIVE_MEMORY_MANAGER__START": "False",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "warning",
}
"""What `loadcore cluster env` prints, for who starts Dask in another way."""
_NO_PAGES: Final = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
"""Dask serves pages over plain HTTP to everyone, logs among them; it always listens, so it does here and has none."""


def scheduler(host: str, port: int, certificates: Certificates | None) -> list[str]:
    """The command of a scheduler."""
    return [*_dask("scheduler"), "--host", host, "--port", str(port), *_NO_PAGES, *_tls(certificates)]


def worker(address: str, host: str | None, folder: str, certificates: Certificates | None) -> list[str]:
    """The command of a node: one process, which nothing starts again behind the driver's back."""
    command = [*_dask("worker"), address, "--no-nanny", "--nthreads", "1", *_NO_PAGES]
    command += ["--memory-limit", "0", "--local-directory", folder]
    command += ["--host", host] if host else []
    return [*command, *_tls(certificates)]


def _dask(program: str) -> list[str]:
    return [sys.executable, "-m", "dask", program]


def _tls(certificates: Certificates | None) -> list[str]:
    if certificates is None:
        return []
    files = {"ca-file": certificates.authority, "cert": certificates.certificate, "key": certificates.key}
    return [
        "--protocol",
        "tls",
        *(part for name, path in files.items() for part in (f"--tls-{name}", str(path))),
    ]
