"""What is published: a source distribution from which a complete wheel can be built."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_source_distribution_is_complete(tmp_path: Path) -> None:
    """It holds the engine, the package and the whole reference gateway, so that its wheel has a demo."""
    subprocess.run(
        [sys.executable, "-m", "maturin", "sdist", "--out", tmp_path], cwd=ROOT, check=True, capture_output=True
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}

    listed = subprocess.run(
        ["git", "ls-files", "python", "target_api"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    wanted = {
        name
        for name in listed
        if not name.startswith("target_api/tests/") and (ROOT / name).is_file() and not name.endswith(".md")
    }
    assert wanted - packed == set()
    assert {"Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "rust/loadcore-core/src/engine.rs"} <= packed
    assert not any(name.startswith("target_api/tests/") for name in packed)
