"""A finding about the target: it never changes an exit code."""

from __future__ import annotations

from loadcore.judge.finding import Finding


def named(
    rule: str,
    message: str,
    advice: str,
    *,
    value: float | None = None,
    limit: float | None = None,
    step: str | None = None,
    seconds: tuple[int, int] | None = None,
) -> Finding:
    """What limited the target. Arguments as of `Finding`; `seconds` are the first and the last it was seen in."""
    first_s, last_s = seconds or (None, None)
    return Finding(
        subject="target",
        severity="note",
        rule=rule,
        message=message,
        advice=advice,
        value=value,
        limit=limit,
        step=step,
        first_s=first_s,
        last_s=last_s,
    )
