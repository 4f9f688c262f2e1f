"""Run folders that were cut, changed or emptied: what is whole is read, what is not is named, nothing crashes."""

from __future__ import annotations

import random
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

import loadcore
from loadcore import Scenario, get, response, think, users
from loadcore.errors import LoadcoreError
from tests.integration.counting_target import counting_target

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("requests-0.arrow", "windows.arrow", "summary.json", "manifest.json", "run.json", "plan.json")
DAMAGES = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder: Path = tmp_path_factory.mktemp("whole") / "run"
    with counting_target() as target:
        step = get("/items", checks=[response.status == 200])
        shop = Scenario("shop", base_url=target.url, load=users(10, duration="3s"), steps=[step, think("5ms")])
        loadcore.run(shop, workers=1, out=folder)
    return folder


def _read_all(folder: Path) -> tuple[int, list[str]]:
    """Rows that could be read, and what was reported as wrong."""
    run = loadcore.load(folder)
    rows = run.requests.num_rows
    # Looks at every value, and at what Arrow did not.
    assert len(run.requests.to_pylist()) == rows
    assert len(run.windows.to_pylist()) == run.windows.num_rows
    assert run.summary["steps"] is not None
    return rows, [*run.missing, *run.verify()]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["cut", "flip", "empty", "gone"])
def test_a_damaged_file_is_named(whole: Path, tmp_path: Path, name: str, how: str) -> None:
    """A cut, a changed bit, an empty or a missing file: an error of ours, or a run that names it. Nothing crashes."""
    chance = random.Random(f"{name}{how}")
    content = (whole / name).read_bytes()
    rows = loadcore.load(whole).requests.num_rows
    refused = 0
    for number in range(DAMAGES if how in {"cut", "flip"} else 1):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        # A cut takes more than the line end after a document, without which that is as whole as before.
        at = chance.randrange(len(content.rstrip()))
        match how:
            case "cut":
                (folder / name).write_bytes(content[:at])
            case "flip":
                changed = bytes([content[at] ^ (1 << chance.randrange(8))])
                (folder / name).write_bytes(content[:at] + changed + content[at + 1 :])
            case "empty":
                (folder / name).write_bytes(b"")
            case _:
                (folder / name).unlink()
        try:
            read, said = _read_all(folder)
        except LoadcoreError as error:
            refused += 1
            said, read = [str(error)], 0
        assert read <= rows
        # Nothing records what the manifest's own bytes should be.
        if (name, how) != ("manifest.json", "flip"):
            assert any(name in text or "manifest" in text for text in said), (at, said)
        shutil.rmtree(folder)
    sys.stdout.write(f"{name} {how}: {refused} refused\n")
