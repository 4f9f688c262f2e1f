"""The summary of a run as one JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def render(summary: Mapping[str, Any]) -> str:
    """The summary as in `summary.json`, readable, without a line break at its end.

    Raises:
        ValueError: A number is not finite; JSON has no word for that.
    """
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
