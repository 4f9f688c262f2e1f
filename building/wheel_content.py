"""What is in a wheel, compared with what a release promises."""

from __future__ import annotations

import json
import re
import zipfile
from email import message_from_bytes
from typing import TYPE_CHECKING

from building import machine_paths
from building.environment import ROOT
from building.links import relative

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message
    from pathlib import Path

TAG = re.compile(r"-(cp311-abi3|cp314-cp314t)-(manylinux|musllinux|macosx)_\d+_\d+_\w+(\.manylinux\w+)?\.whl$")
FILES = (
    "loadcore/py.typed",
    "loadcore/_core.pyi",
    "loadcore_target/__init__.py",
    "loadcore_target/deploy/compose.yaml",
)
"""Files beside the modules that users rely on."""
FOREIGN = re.compile(r"/(tests|benches|__pycache__)/|\.pyc$|^(tests|building|benches)/")
HEADERS = (
    "Name",
    "Version",
    "Summary",
    "Requires-Python",
    "License-Expression",
    "Description-Content-Type",
    "Keywords",
)
URLS = ("Homepage", "Documentation", "Source", "Issues", "Changelog")


def problems(wheel: Path) -> list[str]:
    """All that is wrong with a wheel, each with its place."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        found = [*_of_names(wheel.name, names)]
        metadata = next((name for name in names if name.endswith(".dist-info/METADATA")), None)
        if metadata is None:
            return [*found, "METADATA is missing"]
        found += _of_metadata(message_from_bytes(archive.read(metadata)))
        boms = [name for name in names if ".dist-info/sboms/" in name and name.endswith(".json")]
        if not boms:
            found.append("a software bill of materials is missing: maturin writes it into .dist-info/sboms")
        for bom in boms:
            content = archive.read(bom)
            found += _of_bom(bom, json.loads(content))
            if machine_paths.holds(content):
                found.append(f"{bom}: it names the folder of the build; python3 -m building.machine_paths takes it out")
    return found


def _of_names(wheel: str, names: Sequence[str]) -> Iterator[str]:
    if not TAG.search(wheel):
        yield f"{wheel} cannot be uploaded: expected a tag of abi3 or cp314t for manylinux, musllinux or macOS"
    yield from (f"{name} is missing" for name in FILES if name not in names)
    yield from (f"{name} does not belong in a wheel" for name in names if FOREIGN.search(name))
    engines = [name for name in names if re.fullmatch(r"loadcore/_core\.[\w.-]*so", name)]
    if len(engines) != 1:
        yield f"expected one engine, loadcore/_core.*.so, found {len(engines)}"


def _of_metadata(metadata: Message) -> Iterator[str]:
    yield from (f"METADATA: {name} is missing" for name in HEADERS if not metadata.get(name))
    urls = {str(line).partition(",")[0] for line in metadata.get_all("Project-URL", [])}
    yield from (f"METADATA: the URL {name} is missing" for name in URLS if name not in urls)
    text = metadata.get_payload()
    readme = (ROOT / "README.md").read_text("utf-8").partition("\n")[0]
    if not isinstance(text, str) or not text.startswith(readme):
        yield "METADATA: the description is not README.md"
        return
    for link in relative(text):
        yield f"METADATA: the link {link} is relative, and nothing is beside the page of a package index"


def _of_bom(name: str, bom: dict[str, object]) -> Iterator[str]:
    if bom.get("bomFormat") != "CycloneDX":
        yield f"{name}: the format is {bom.get('bomFormat')}, not CycloneDX"
    components = bom.get("components")
    if not isinstance(components, list) or not components:
        yield f"{name}: it lists nothing"
        return
    for each in components:
        if not each.get("version") or not each.get("licenses"):
            yield f"{name}: {each.get('name')} has no version or no licence"
