"""Two replicas on one PostgreSQL: the same users, orders, keys and revocations."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_api.tests.running import RunningGateway, free_port, wait_until

pytest.importorskip("asyncpg", reason="asyncpg is not installed")
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(shutil.which("postgres") or "/missing").parent]


@pytest.fixture(scope="module", name="database")
def _database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server of this test, which listens on loopback only."""
    if not (_BINARIES[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    prefix: list[str] = []
    if os.geteuid() == 0:  # initdb refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("there is no account `postgres` to run the server as")
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


def test_replicas_share_everything_that_matters(database: str) -> None:
    """A token of one replica opens the other, a key makes one order in both, a rotation and a revocation reach both."""
    environment = {
        "GATEWAY_DATABASE_URL": database,
        "GATEWAY_SECRET": "s" * 40,
        "GATEWAY_CLIENTS": '{"c": {"secret": "x"}}',
    }
    with (
        RunningGateway("--users", "3", "--items", "10", environment=environment) as first,
        RunningGateway("--users", "3", "--items", "10", environment=environment) as second,
    ):
        access = first.log_in(1)["access_token"]
        assert second.ask("GET", "/users/me", token=access).status == 200
        orders = [
            replica.ask("POST", "/orders", {"item_id": 2}, {"Idempotency-Key": "k"}, access)
            for replica in (first, second, first)
        ]
        assert [order.status for order in orders] == [201] * 3
        assert len({order.json["id"] for order in orders}) == 1
        assert second.ask("GET", "/items?limit=2", token=access).json["next_cursor"] == 2

        refreshed = second.form(
            "/auth/token", grant_type="refresh_token", refresh_token=first.log_in(2)["refresh_token"]
        )
        assert refreshed.status == 200

        wait_until(lambda: _rotated_reaches(first, second), "the new key reaches the other replica")
        assert first.form("/auth/revoke", token=access, client_id="c", client_secret="x").status == 200
        assert first.ask("GET", "/users/me", token=access).status == 401
        wait_until(lambda: second.ask("GET", "/users/me", token=access).status == 401, "the revocation reaches it")


def _rotated_reaches(first: RunningGateway, second: RunningGateway) -> bool:
    first.admin("POST", "/keys/rotate")
    return second.ask("GET", "/users/me", token=first.log_in(0)["access_token"]).status == 200
