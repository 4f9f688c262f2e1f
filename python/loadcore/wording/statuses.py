"""Status codes as people write them: `201`, `"2xx"`."""

from __future__ import annotations

from typing import Final

from loadcore.wording.kinds import shown

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_LOWEST: Final = 100
HIGHEST: Final = 999


def parse_statuses(expected: object) -> tuple[int, int]:
    """The first and the last status of `201` or `"2xx"`.

    Raises:
        ValueError: It is neither; the message says what to write.
    """
    if isinstance(expected, str) and expected in CLASSES:
        return int(expected[0]) * 100, int(expected[0]) * 100 + 99
    if isinstance(expected, int) and not isinstance(expected, bool) and _LOWEST <= expected <= HIGHEST:
        return expected, expected
    written = repr(expected) if isinstance(expected, str) else shown(expected)
    raise ValueError(f'{written}: it must be a status such as 201 or a class such as "2xx"')
