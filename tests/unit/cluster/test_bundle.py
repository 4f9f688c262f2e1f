"""What travels to a node, and what does not."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from loadcore.cluster import bundle
from loadcore.errors import UsageError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A scenario with an import, a package, a data file, and things that it does not need."""
    root = tmp_path / "project"
    (root / "shapes").mkdir(parents=True)
    (root / "shop.py").write_text("import helper\nfrom shapes import circle\nimport json\n")
    (root / "helper.py").write_text("X = 1\n")
    (root / "unused.py").write_text("X = 2\n")
    (root / "shapes" / "__init__.py").write_text("")
    (root / "shapes" / "circle.py").write_text("")
    (root / "shapes" / "table.json").write_text("{}")
    (root / "people.csv").write_text("person\nann\n")
    (root / "names.txt").write_text("ann\n")
    return root


def plan_of(project: Path) -> dict[str, Any]:
    """A plan with a data file and a script."""
    return {
        "feeders": [{"name": "people", "source": {"kind": "csv", "path": str(project / "people.csv")}}],
        "scripts": [{"name": "shopper", "file": str(project / "shop.py"), "calls": []}],
        "auth": [{"way": {"kind": "bearer", "token": {"text": "very-secret"}}}],
    }


def unpacked(packed: bundle.Bundle, folder: Path) -> list[str]:
    """The files of a bundle."""
    tar = folder / "x.tar"
    tar.write_bytes(b"".join(packed.chunks()))
    assert bundle.sha256_of(tar) == packed.sha256
    bundle.unpack(tar, folder / "bundle")
    return sorted(str(path.relative_to(folder / "bundle")) for path in (folder / "bundle").rglob("*") if path.is_file())


def test_code_and_data_travel(project: Path, tmp_path: Path) -> None:
    """The scenario, what it imports, whole packages, its data; nothing else."""
    with bundle.pack(plan_of(project), [project / "names.txt"]) as packed:
        found = unpacked(packed, tmp_path)
    assert found == [
        "code/0/helper.py",
        "code/0/names.txt",
        "code/0/shapes/__init__.py",
        "code/0/shapes/circle.py",
        "code/0/shapes/table.json",
        "code/0/shop.py",
        "data/0/people.csv",
    ]


def test_the_plan_names_what_was_unpacked(project: Path, tmp_path: Path) -> None:
    """On the node every path is one that exists there."""
    with bundle.pack(plan_of(project)) as packed:
        unpacked(packed, tmp_path)
    plan = bundle.rewritten(plan_of(project), packed.paths, tmp_path / "bundle")
    for path in (plan["feeders"][0]["source"]["path"], plan["scripts"][0]["file"]):
        assert Path(path).is_relative_to(tmp_path / "bundle")
        assert Path(path).is_file()


def digest_of(project: Path) -> str:
    """What a bundle is called."""
    with bundle.pack(plan_of(project)) as packed:
        return packed.sha256


def test_a_bundle_is_named_by_its_content_alone(project: Path) -> None:
    """Neither times nor the order of reading change it; a byte of a file does."""
    before = digest_of(project)
    (project / "people.csv").touch()
    assert digest_of(project) == before
    (project / "people.csv").write_text("person\nbob\n")
    assert digest_of(project) != before


def test_no_secret_is_in_a_bundle(project: Path) -> None:
    """The plan is not in it, and so nothing that the plan holds."""
    with bundle.pack(plan_of(project)) as packed:
        content = b"".join(packed.chunks())
    assert b"very-secret" not in content
    assert b"very-secret" in json.dumps(plan_of(project)).encode()


def test_what_does_not_exist_cannot_be_shipped(project: Path) -> None:
    """All missing paths are named."""
    with pytest.raises(UsageError, match=r"gone\.txt, .*lost\.txt"):
        bundle.pack(plan_of(project), [project / "gone.txt", project / "lost.txt"])


def test_a_tar_cannot_leave_its_folder(tmp_path: Path) -> None:
    """A member with `..` is refused, and nothing is left."""
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "evil", "../evil-out")
    with pytest.raises(tarfile.OutsideDestinationError):
        bundle.unpack(tmp_path / "x.tar", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    assert not (tmp_path.parent / "evil-out").exists()
