"""Wheels of one commit are the same bytes, wherever they were built."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from building import machine_paths

if TYPE_CHECKING:
    from pathlib import Path

_INFO = "loadcore-0.1.0.dist-info"
_BOM = f"{_INFO}/sboms/loadcore-py.cyclonedx.json"


def _built_in(folder: str, wheel: Path) -> Path:
    """A wheel as maturin leaves it."""
    bill = f'"bom-ref": "path+file://{folder}/rust/loadcore-core#0.1.0", "registry+index#memchr@2.8.3"'.encode()
    record = [b"loadcore/__init__.py,sha256=x,0", machine_paths._line(_BOM, bill), f"{_INFO}/RECORD,,".encode(), b""]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            ("loadcore/__init__.py", b""),
            (_BOM, bill),
            (f"{_INFO}/RECORD", b"\n".join(record)),
        ):
            info = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return wheel


def test_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    """Only the folder differed, and it is gone: from the bill of materials, and from its hash and size in RECORD."""
    one = _built_in("/home/me/loadcore/target/committed", tmp_path / "one.whl")
    two = _built_in("/build", tmp_path / "two.whl")
    assert one.read_bytes() != two.read_bytes()
    for wheel in (one, two):
        machine_paths.take_out(wheel)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        bill = archive.read(_BOM)
        assert b"path+file:///loadcore/rust/loadcore-core#0.1.0" in bill
        assert not machine_paths.holds(bill)
        assert machine_paths._line(_BOM, bill) in archive.read(f"{_INFO}/RECORD").split(b"\n")
        assert archive.getinfo(_BOM).date_time == (2026, 1, 2, 3, 4, 6)


def test_a_wheel_without_paths_is_left_alone(tmp_path: Path) -> None:
    """What was cleaned before is not written again."""
    wheel = _built_in("/build", tmp_path / "one.whl")
    machine_paths.take_out(wheel)
    written = wheel.stat().st_ino
    machine_paths.take_out(wheel)
    assert wheel.stat().st_ino == written
