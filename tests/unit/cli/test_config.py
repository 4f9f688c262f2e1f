"""Settings from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.cli import config
from loadcore.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str) -> Path:
    """A file in a folder that is made for it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_nearest_file_upwards_counts(tmp_path: Path) -> None:
    """A file in the project's root holds in its folders, until one nearer by replaces it."""
    write(tmp_path, "pyproject.toml", "[tool.loadcore]\nusers = 10")
    near = write(tmp_path / "a", "loadcore.toml", "users = 20")
    (tmp_path / "a" / "b").mkdir()
    assert config.load(tmp_path / "a" / "b") == config.Config(near, {"users": 20})
    assert config.load(tmp_path).values == {"users": 10}


def test_a_project_that_does_not_mention_loadcore_is_passed_over(tmp_path: Path) -> None:
    """Every Python project has a pyproject.toml; only the table for loadcore makes it a configuration."""
    found = write(tmp_path, "loadcore.toml", 'duration = "1m"')
    write(tmp_path / "project", "pyproject.toml", '[project]\nname = "shop"')
    assert config.load(tmp_path / "project").path == found


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    """A missing file is not an error."""
    assert config.load(tmp_path) == config.Config(None, {})


def test_two_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    """It is unclear which of them holds, so neither does."""
    write(tmp_path, "loadcore.toml", "users = 1")
    write(tmp_path, "pyproject.toml", "[tool.loadcore]\nusers = 2")
    with pytest.raises(ConfigError, match=r"both .*loadcore\.toml and \[tool\.loadcore\]"):
        config.load(tmp_path)


def test_an_unknown_key_suggests_the_known_one(tmp_path: Path) -> None:
    """A misspelt key is an error that says what was meant; so is a key with a hyphen."""
    write(tmp_path, "loadcore.toml", "user = 5\nwarm-up = '1s'")
    with pytest.raises(ConfigError, match="unknown key `user`; unknown key `warm-up`") as caught:
        config.load(tmp_path)
    assert caught.value.hint == "did you mean `users`? did you mean `warm_up`?"
    assert caught.value.exit_code == ExitCode.CONFIG


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("duration = 30", '`duration` must be a string like "30s", not 30'),
        ("users = true", "`users` must be a number, or stages as a string, not True"),
        ('thresholds = "errors.rate < 1%"', "`thresholds` must be a list of strings"),
        ("thresholds = [1]", "`thresholds` must be a list of strings"),
        ("env = { PORT = 1 }", "`env` must be a table of strings"),
        ('strict_client = "yes"', "`strict_client` must be true or false"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, line: str, message: str) -> None:
    """Durations need a unit here as everywhere, and no value is guessed."""
    write(tmp_path, "loadcore.toml", line)
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path)
    assert message in str(caught.value)


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    """The message names the file and the line."""
    write(tmp_path, "loadcore.toml", "users = \nrate = 1")
    with pytest.raises(ConfigError, match=r"loadcore\.toml cannot be read: .*line 1"):
        config.load(tmp_path)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    """Editors of other systems write one."""
    (tmp_path / "loadcore.toml").write_bytes(b"\xef\xbb\xbfusers = 5\n")

    assert config.load(tmp_path).values == {"users": 5}


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    """And with what to do."""
    (tmp_path / "loadcore.toml").write_bytes(b"users = 5\nhost = 'http://m\xfcller'\n")

    with pytest.raises(ConfigError, match=r"loadcore.toml, line 2: this is not UTF-8") as caught:
        config.load(tmp_path)
    assert caught.value.hint == "save the file as UTF-8"
