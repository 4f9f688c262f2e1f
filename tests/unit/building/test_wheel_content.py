"""A wheel that lacks something is refused before it is installed anywhere."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from building import wheel_content
from building.environment import ROOT
from building.links import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = "loadcore-0.1.0-cp311-abi3-manylinux_2_28_x86_64.whl"
_INFO = "loadcore-0.1.0.dist-info"
_METADATA = f"{_INFO}/METADATA"
_BOM = f"{_INFO}/sboms/loadcore-py.cyclonedx.json"
_COMPONENT = {"name": "memchr", "version": "2.8.3", "licenses": [{"expression": "MIT"}]}


def _of_a_folder(folder: str) -> str:
    own = {**_COMPONENT, "bom-ref": f"path+file://{folder}/rust/loadcore-core#0.1.0"}
    return json.dumps({"bomFormat": "CycloneDX", "components": [own]})


def _metadata(**changes: str | None) -> str:
    fields = dict.fromkeys(wheel_content.HEADERS, "x") | {name.replace("_", "-"): v for name, v in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    lines += [f"Project-URL: {name}, https://github.com/loadcore/loadcore" for name in wheel_content.URLS]
    return "\n".join([*lines, "", absolute((ROOT / "README.md").read_text("utf-8"), "v0.1.0")])


def _wheel(folder: Path, changes: Mapping[str, str | None], name: str = _NAME) -> Path:
    """A wheel with all that one must have, but for some files."""
    bom = json.dumps({"bomFormat": "CycloneDX", "components": [_COMPONENT]})
    whole: dict[str, str | None] = dict.fromkeys(wheel_content.FILES, "")
    whole |= {"loadcore/_core.abi3.so": "", _METADATA: _metadata(), _BOM: bom}
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, content in (whole | dict(changes)).items():
            if content is not None:
                archive.writestr(path, content)
    return folder / name


def test_a_whole_wheel_has_no_problems(tmp_path: Path) -> None:
    """Files, metadata and the bill of materials are all there."""
    assert wheel_content.problems(_wheel(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"loadcore/py.typed": None}, "loadcore/py.typed is missing"),
        ({"loadcore/_core.abi3.so": None}, "engine, loadcore/_core.*.so, found 0"),
        ({"loadcore/_core.cpython-311.so": ""}, "engine, loadcore/_core.*.so, found 2"),
        ({"loadcore_target/tests/test_app.py": ""}, "does not belong"),
        ({"loadcore/__pycache__/errors.pyc": ""}, "does not belong"),
        ({_METADATA: None}, "METADATA is missing"),
        ({_METADATA: _metadata(Requires_Python=None)}, "METADATA: Requires-Python is missing"),
        ({_METADATA: _metadata().replace("Project-URL: Issues,", "Project-URL: Bugs,")}, "the URL Issues is missing"),
        ({_METADATA: _metadata().partition("\n\n")[0]}, "the description is not README.md"),
        ({_METADATA: _metadata() + "[Style](docs/style.md#words)"}, "the link docs/style.md#words is relative"),
        ({_BOM: None}, "bill of materials is missing"),
        ({_BOM: _of_a_folder("/home/me/loadcore")}, "it names the folder of the build"),
        ({_BOM: json.dumps({"bomFormat": "SPDX", "components": [_COMPONENT]})}, "the format is SPDX"),
        ({_BOM: json.dumps({"bomFormat": "CycloneDX", "components": []})}, "it lists nothing"),
        ({_BOM: json.dumps({"bomFormat": "CycloneDX", "components": [{"name": "memchr"}]})}, "memchr has no version"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: Mapping[str, str | None], problem: str) -> None:
    """One problem, with its place."""
    (found,) = wheel_content.problems(_wheel(tmp_path, changes))
    assert problem in found


@pytest.mark.parametrize("tag", ["cp311-abi3-linux_x86_64", "cp311-cp311-manylinux_2_28_x86_64"])
def test_a_tag_that_no_index_takes_is_refused(tmp_path: Path, tag: str) -> None:
    """`linux` says nothing about the C library, and a wheel for one Python leaves out the others."""
    (found,) = wheel_content.problems(_wheel(tmp_path, {}, f"loadcore-0.1.0-{tag}.whl"))
    assert "cannot be uploaded" in found
