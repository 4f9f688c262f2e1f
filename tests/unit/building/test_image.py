"""What is known of the Dockerfile before anything is built."""

from __future__ import annotations

import re

from building.image import DOCKERFILE, FIRST_STAGE, bases

TEXT = DOCKERFILE.read_text("utf-8")


def test_every_image_it_begins_with_can_be_made_here() -> None:
    """Of Debian's packages, for a machine that no registry of images can be reached from."""
    begun = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert [base["name"] for base in bases(TEXT, without_rust=False)] == begun
    assert len(begun) == 2


def test_a_wheel_takes_the_place_of_the_first_stage() -> None:
    """What comes of that stage is one folder, and its compiler is not needed then."""
    assert [base["kind"] for base in bases(TEXT, without_rust=True)] == ["python"]
    assert f" AS {FIRST_STAGE}\n" in TEXT
    assert re.findall(rf"^COPY --from={FIRST_STAGE} (\S+)", TEXT, re.MULTILINE) == ["/dist"]
