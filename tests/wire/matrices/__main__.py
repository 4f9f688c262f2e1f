"""Writes the generated part of the wire suite."""

from __future__ import annotations

from tests.wire.matrices import rendered

for path, text in rendered().items():
    path.write_text(text, encoding="ascii")
