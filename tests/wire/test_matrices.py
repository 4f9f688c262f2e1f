"""The generated part of the wire suite is what its rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire import matrices

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in matrices.rendered()])
def test_generated_files_are_current(path: Path) -> None:
    """A change of a rule comes with the files it writes."""
    assert path.read_text(encoding="ascii") == matrices.rendered()[path], "run `python -m tests.wire.matrices`"


def test_no_generated_file_is_left_over() -> None:
    """A matrix that is gone takes its file along."""
    assert set(matrices.FOLDER.iterdir()) == set(matrices.rendered())
