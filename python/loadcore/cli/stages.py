"""Stages of users as they are written on the command line: `0:10s,1000:20s`."""

from typing import NamedTuple

from loadcore.units import parse_duration


class Stage(NamedTuple):
    """A point of the load: from `users`, over `duration_ns`, on a straight line to the next point; the last is held."""

    users: int
    duration_ns: int


def checked_users(text: str) -> int | tuple[Stage, ...]:
    """A number of users, or the stages of `USERS:DURATION,…`.

    Raises:
        ValueError: It is neither; the message says what to write.
    """
    if ":" not in text:
        return _users(text, text, least=1)
    stages = []
    for part in text.split(","):
        users, found, duration = part.strip().partition(":")
        if not found:
            raise ValueError(f'"{part}" in "{text}" has no duration: write stages as "0:10s,1000:20s"')
        stages.append(Stage(_users(users, text, least=0), parse_duration(duration)))
    if not any(stage.users for stage in stages):
        raise ValueError(f'"{text}" has no users at any time')
    return tuple(stages)


def _users(text: str, whole: str, *, least: int) -> int:
    if not text.strip().isdigit() or int(text) < least:
        example = 'write "50", or stages as "0:10s,1000:20s"'
        raise ValueError(
            f'"{text}" in "{whole}" is no number of users: {example}'
            if text != whole
            else f'"{text}" is no number of users: {example}'
        )
    return int(text)
