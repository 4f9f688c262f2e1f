"""A PostgreSQL server for tests."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadcore_target.tests.running import free_port, wait_until

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(shutil.which("postgres") or "/missing").parent]


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The URL of a server that keeps its data in `folder` and listens on loopback only."""
    pytest.importorskip("asyncpg", reason="asyncpg is not installed")
    if not (_BINARIES[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    prefix: list[str] = []
    if os.geteuid() == 0:  # initdb refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("the account `postgres`, which would run the server, does not exist")
        prefix = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in list(folder.parents)[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    subprocess.run(
        [*prefix, _BINARIES[-1] / "initdb", "-D", data, "-A", "trust", "-U", "gateway", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    port = free_port()
    command = [*prefix, _BINARIES[-1] / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    with subprocess.Popen(
        [*map(str, command), "-F"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    ) as server:
        ready = [str(_BINARIES[-1] / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-U", "gateway", "-q"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL answers")
        yield f"postgresql+asyncpg://gateway@127.0.0.1:{port}/postgres"
        server.terminate()
