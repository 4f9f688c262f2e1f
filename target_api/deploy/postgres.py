"""A separate PostgreSQL server: its folder, its account, its database."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadcore_target.deploy.packages import find
from loadcore_target.deploy.ports import HOST
from loadcore_target.deploy.process import ServiceError

FOLDER_PREFIX = "loadcore-postgres-"
USER = DATABASE = "gateway"
_ACCOUNT = "postgres"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL data folder, made but not served yet.

    Attributes:
        folder: Holds it; its owner is who serves it.
        account: Number of the user that serves it; `None` for this one.
    """

    folder: Path
    account: int | None

    @classmethod
    async def make(cls) -> "Cluster":
        """Makes a new one. As root it belongs to the account `postgres`, because PostgreSQL refuses to run as root.

        Raises:
            ServiceError: The account does not exist, it cannot reach the folder, or `initdb` failed.
        """
        account = None
        if os.geteuid() == 0:
            try:
                account = pwd.getpwnam(_ACCOUNT).pw_uid
            except KeyError:
                raise ServiceError(f"postgres cannot run as root: the account `{_ACCOUNT}` does not exist") from None
        cluster = cls(_folder(account), account)
        try:
            await cluster._run("initdb", "-D", str(cluster.folder / "database"), "-A", "trust", "-U", USER, "--no-sync")
        except BaseException:
            cluster.remove()
            raise
        return cluster

    async def make_database(self, port: int) -> None:
        """Makes the database of the gateway, once the server is ready.

        Raises:
            ServiceError: `createdb` failed.
        """
        await self._run("createdb", "-h", HOST, "-p", str(port), "-U", USER, DATABASE)

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self, program: str, *arguments: str) -> None:
        command = [*_as(self.account), find(program) or program, *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, cwd=self.folder, check=False
        )
        if done.returncode:
            raise ServiceError(f"{program} failed: {done.stderr.strip()}")


def _folder(account: int | None) -> Path:
    """A new folder that the account can reach: a user's own temporary folders are often closed to others."""
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes a new one that is ours
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=place))
        if account is None:
            return folder
        os.chown(folder, account, -1)
        if subprocess.run([*_as(account), "test", "-w", folder], cwd="/", check=False).returncode == 0:
            return folder
        folder.rmdir()
    raise ServiceError(f"postgres cannot reach any temporary folder as `{_ACCOUNT}`")


def _as(account: int | None) -> Sequence[str]:
    if account is None:
        return []
    return ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
