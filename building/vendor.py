"""Packs the sources of all crates, for building without a network: `python3 -m building.vendor dist`.

Unpacked over the source distribution, the archive makes cargo take every crate from there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from building.release import version

ROOT = Path(__file__).resolve().parent.parent
_CONFIG = """\
[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
"""


def main() -> int:
    """Packs the archive; 0 if it is there."""
    parser = argparse.ArgumentParser(prog="python3 -m building.vendor", description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loadcore-vendor-") as folder:
        crates = Path(folder, "vendor")
        command = ["cargo", "vendor", "--locked", "--quiet", "--versioned-dirs", str(crates)]
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
            return 1
        Path(folder, ".cargo").mkdir()
        Path(folder, ".cargo", "config.toml").write_text(_CONFIG, "utf-8")
        arguments.folder.mkdir(parents=True, exist_ok=True)
        print(pack(Path(folder), arguments.folder / f"loadcore-{version()}-vendor.tar.xz", f"loadcore-{version()}"))
    return 0


def pack(folder: Path, archive: Path, prefix: str) -> Path:
    """Packs a folder so that the same content gives the same bytes.

    Args:
        folder: What is packed, with all that is in it.
        archive: The file to write.
        prefix: The folder that it unpacks into.
    """
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = when
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with tarfile.open(archive, "w:xz", preset=3) as file:
        for path in sorted(folder.rglob("*")):
            if not path.is_dir():
                file.add(path, f"{prefix}/{path.relative_to(folder).as_posix()}", recursive=False, filter=plain)
    return archive


if __name__ == "__main__":
    sys.exit(main())
