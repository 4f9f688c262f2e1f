"""What is called like a secret is the same for the engine, which hides it in samples, and for the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.plan.redaction import is_sensitive

SOURCE = Path(__file__).parents[2] / "rust/loadcore-core/src/sample/secrets.rs"
# The engine's expressions have no look-ahead, so that the two are written differently.
ENGINE = re.compile(*re.findall(r'r"(\(\?i\)auth.+)",?$', SOURCE.read_text("utf-8"), re.MULTILINE))
PARTS = (
    "auth",
    "author",
    "authori",
    "cookie",
    "token",
    "api",
    "key",
    "private",
    "signing",
    "sig",
    "sid",
    "code",
    "pin",
)


@given(st.lists(st.sampled_from([*PARTS, "-", "_", ".", "x", "Pass", "w", "O", "z"]), max_size=5).map("".join))
def test_engine_and_package_agree(name: str) -> None:
    """Whatever words a name is made of."""
    assert is_sensitive(name) == (ENGINE.search(name) is not None)


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "private_key", "signingKey", "sig", "$.session.id", "otp"]
)
def test_secrets_are_known_by_their_names(name: str) -> None:
    """In headers, fields, parameters and JSON paths."""
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["author", "monkey", "postcode", "signal", "keyboard", "Content-Type"])
def test_other_names_hide_nothing(name: str) -> None:
    """Words that only begin or end like one."""
    assert not is_sensitive(name)
