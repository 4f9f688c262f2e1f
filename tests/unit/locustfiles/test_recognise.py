"""What a file is taken for, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.locustfiles.recognise import BEFORE_1_0, is_locustfile, look

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("from locust import HttpUser, task", "locust"),
        ("import locust\n", "locust"),
        ("import locust.stats", "locust"),
        ("from locust.contrib.fasthttp import FastHttpUser", "locust"),
        ("if True:\n    from locust_plugins.users import RestUser", "locust"),
        ("from loadcore import Scenario", "scenario"),
        ("from loadcore import Scenario\nfrom locust import HttpUser", "unsure"),
        ("import json", "scenario"),
        ("import importlib\nimportlib.import_module('locust')", "unsure"),
        ("print(", "scenario"),
        ("from locust import HttpUser\nclass A(HttpUser)\n    pass", "locust"),
        ("locust = 1", "scenario"),
    ],
)
def test_a_file_is_what_it_imports(tmp_path: Path, text: str, kind: str) -> None:
    """Locust's imports make it a Locust file, loadcore's a scenario; both at once leave it open."""
    file = tmp_path / "some.py"
    file.write_text(text, encoding="utf-8")
    assert look(file).kind == kind


def test_modules_beside_the_file_are_followed(tmp_path: Path) -> None:
    """A file that gets its classes from a module of the same folder is looked at more closely."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("from shop import users", encoding="utf-8")
    (tmp_path / "shop" / "users.py").write_text("from locust import HttpUser", encoding="utf-8")
    (tmp_path / "main.py").write_text("from shop.users import Shopper", encoding="utf-8")
    (tmp_path / "other.py").write_text("from shop_of_others import Shopper", encoding="utf-8")
    assert look(tmp_path / "main.py").kind == "unsure"
    assert look(tmp_path / "other.py").kind == "scenario"


@pytest.mark.parametrize("name", BEFORE_1_0)
def test_names_of_old_locust_are_found(tmp_path: Path, name: str) -> None:
    """A file for Locust before 1.0 is recognised by what it imports."""
    file = tmp_path / "old.py"
    file.write_text(f"from locust import {name}, task\nimport locust", encoding="utf-8")
    assert look(file).old == (name,)
    file.write_text(f"import locust\nclass A(locust.{name}): pass", encoding="utf-8")
    assert look(file).old == (name,)


def test_a_file_that_leaves_it_open_is_run_in_another_process(tmp_path: Path) -> None:
    """What decides is whether it has a user class of Locust's; this process imports nothing of it."""
    (tmp_path / "base.py").write_text("from locust import HttpUser\nclass Base(HttpUser): pass\n", encoding="utf-8")
    (tmp_path / "yes.py").write_text("from base import Base\nclass Mine(Base): pass\n", encoding="utf-8")
    (tmp_path / "no.py").write_text("import base\n", encoding="utf-8")
    assert is_locustfile(tmp_path / "yes.py")
    assert not is_locustfile(tmp_path / "no.py")
    assert not is_locustfile(tmp_path / "absent.py")
