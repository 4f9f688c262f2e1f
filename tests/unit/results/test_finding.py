"""Which run is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ResultsError
from loadcore.results.open.finding import find_run

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "01M8GQHSKX5Q78K0484B9BNYW0"
SECOND = "01M8GQQWERTY78K0484B9BNYW1"


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs, of which the second is the newest."""
    monkeypatch.chdir(tmp_path)
    for name in (FIRST, SECOND):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "summary.json").write_text("{}")
    (tmp_path / "runs/latest").symlink_to(SECOND)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (FIRST, FIRST),
        (FIRST[:10], FIRST),
        (FIRST[:8].lower(), FIRST),
        (f"runs/{FIRST}", FIRST),
        (f"runs/{FIRST}/summary.json", FIRST),
        ("latest", SECOND),
        ("runs/latest", SECOND),
    ],
)
def test_a_run_is_found_by_its_path_its_id_or_as_the_latest(word: str, name: str) -> None:
    """The beginning of an id is enough, in either case."""
    assert find_run(word).resolve().name == name


def test_a_path_comes_before_an_id(tmp_path: Path) -> None:
    """A folder of the working directory is what it is."""
    (tmp_path / "latest").mkdir()
    assert find_run("latest").resolve() == tmp_path / "latest"


def test_what_several_runs_may_be_is_refused() -> None:
    """All that it may be are named."""
    with pytest.raises(ResultsError) as caught:
        find_run("01M8GQ")
    assert str(caught.value) == f'the ids of 2 runs begin with "01M8GQ": {FIRST}, {SECOND}'
    assert caught.value.hint == "give more of the id"


@pytest.mark.parametrize("word", ["01ZZ", "runs/01M8GQ", "*"])
def test_what_is_no_run_is_refused(word: str) -> None:
    """With the newest run as a hint. Patterns and parts of paths are not ids."""
    with pytest.raises(ResultsError, match=r"run folder .* does not exist") as caught:
        find_run(word)
    assert caught.value.hint == "the newest run here is runs/latest"
