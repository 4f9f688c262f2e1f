"""The PEP 517 backend: maturin's, once it is sure that loadcore runs on this system.

It says so before anything is downloaded or compiled. That is why it asks for maturin itself, and `pyproject.toml` does
not.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

MATURIN = "maturin>=1.9.4,<2"
SYSTEMS = ("linux", "darwin")


def get_requires_for_build_wheel(_settings: Mapping[str, Any] | None = None) -> list[str]:
    """What must be installed before the other hooks: maturin, and what brings Rust where there is none."""
    _demand_a_known_system()
    has_rust = shutil.which("cargo") is not None or "MATURIN_NO_INSTALL_RUST" in os.environ
    return [MATURIN] if has_rust else [MATURIN, "puccinialin"]


get_requires_for_build_editable = get_requires_for_build_sdist = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(*arguments: Any) -> str:
    """The metadata alone, for a wheel."""
    return str(_maturin().prepare_metadata_for_build_wheel(*arguments))


def prepare_metadata_for_build_editable(*arguments: Any) -> str:
    """The metadata alone, for an editable install."""
    return str(_maturin().prepare_metadata_for_build_editable(*arguments))


def build_wheel(*arguments: Any) -> str:
    """Compiles the engine and packs the wheel."""
    return str(_maturin().build_wheel(*arguments))


def build_editable(*arguments: Any) -> str:
    """Compiles the engine and packs a wheel that leads back here."""
    return str(_maturin().build_editable(*arguments))


def build_sdist(*arguments: Any) -> str:
    """Packs the sources."""
    return str(_maturin().build_sdist(*arguments))


def _maturin() -> ModuleType:
    _demand_a_known_system()
    return importlib.import_module("maturin")


def _demand_a_known_system() -> None:
    """Ends with one line on a system that loadcore does not run on."""
    if not sys.platform.startswith(SYSTEMS):
        sys.exit(f"loadcore runs on Linux and macOS, and this is {sys.platform}; on Windows, install it in WSL")
