"""A number of users, or stages of them, as they are written when a run is started: `50`, `0:10s,1000:20s`."""

from __future__ import annotations

from typing import NamedTuple

from loadcore.compiler.problems import MOST_32
from loadcore.wording.kinds import shown
from loadcore.wording.units import parse_duration


class Stage(NamedTuple):
    """A point of the load: from `users`, over `duration_ns`, on a straight line to the next point; the last is held."""

    users: int
    duration_ns: int


def parse_users(value: object) -> int | tuple[Stage, ...]:
    """A number of users, or the stages of `USERS:DURATION,…`.

    Raises:
        ValueError: It is neither; the message says what to write.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        message = f'{shown(value)} is not a number of users: write 50, or stages as "0:10s,1000:20s"'
        raise ValueError(message)  # noqa: TRY004 - callers handle one kind of error
    if ":" not in text:
        return _users(text, text, least=1)
    stages = []
    for part in text.split(","):
        users, found, duration = part.strip().partition(":")
        if not found:
            raise ValueError(f'"{part}" in "{text}" has no duration: write stages as "0:10s,1000:20s"')
        stages.append(Stage(_users(users, text, least=0), parse_duration(duration)))
    if not any(stage.users for stage in stages):
        raise ValueError(f'"{text}" never has any users')
    return tuple(stages)


def _users(text: str, whole: str, *, least: int) -> int:
    written = text.strip()
    if not (written.isascii() and written.isdigit()) or not least <= int(written) <= MOST_32:
        where = f'"{text}"' if text == whole else f'"{text}" in "{whole}"'
        raise ValueError(f'{where} is not a number of users: write "50", or stages as "0:10s,1000:20s"')
    return int(written)
