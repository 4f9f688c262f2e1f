"""Takes the paths of a machine out of wheels: `python3 -m building.machine_paths WHEEL …`.

maturin names our crates in the bill of materials by the folder they were built in. Only the builder can use such
a path, and two builds of one commit in two folders would differ by it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import zipfile
from pathlib import Path

_CRATE = re.compile(rb'path\+file://(?!/loadcore/)[^"#]*?/(rust/[\w-]+)#')
"""Where a bill of materials says that one of our crates lies."""


def main() -> int:
    """Rewrites each wheel that holds a path."""
    parser = argparse.ArgumentParser(prog="python3 -m building.machine_paths", description=__doc__)
    parser.add_argument("wheels", type=Path, nargs="+")
    for wheel in parser.parse_args().wheels:
        take_out(wheel)
    return 0


def holds(bill: bytes) -> bool:
    """Whether a bill of materials names a folder of the machine that built it."""
    return _CRATE.search(bill) is not None


def take_out(wheel: Path) -> None:
    """Writes the paths of our crates as `/loadcore/rust/…`, and the new hashes into the wheel's list of files.

    All else stays as it is, the order and the times of the files included.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    changed: dict[bytes, bytes] = {}
    for info, content in members.items():
        if ".dist-info/sboms/" in info.filename and holds(content):
            members[info] = _CRATE.sub(rb"path+file:///loadcore/\1#", content)
            changed[_line(info.filename, content)] = _line(info.filename, members[info])
    if not changed:
        return
    for info, content in members.items():
        if info.filename.endswith(".dist-info/RECORD"):
            members[info] = b"\n".join(changed.get(line, line) for line in content.split(b"\n"))
    new = wheel.with_suffix(".new")
    with zipfile.ZipFile(new, "w") as archive:
        for info, content in members.items():
            archive.writestr(info, content, compress_type=info.compress_type)
    new.replace(wheel)


def _line(name: str, content: bytes) -> bytes:
    """A file's line in RECORD, as the specification of wheels has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return b",".join((name.encode(), b"sha256=" + digest, str(len(content)).encode()))


if __name__ == "__main__":
    raise SystemExit(main())
