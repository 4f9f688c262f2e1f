"""A target that has no file descriptors left for further connections: seen, or by its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

LEFT = 1
LEAST_SECONDS = 2
LEAST_LOST = 10
ONLY_NEW = 0.95
"""Share of the requests without an answer that were the first of their connections."""
LEAST_REUSED = 50

_ADVICE = (
    "raise its limit of open files (`ulimit -n`, LimitNOFILE), its limit of connections, or close idle ones sooner"
)
_NO_ANSWER = ("timeout_headers", "timeout_total", "reset_before_response", "closed_before_response")


def descriptors(facts: Facts) -> list[Finding]:
    """The process that had all the descriptors that it may have."""
    full = [
        each
        for each in facts.seconds
        if each.process is not None
        and each.process.open_fds is not None
        and each.process.fd_limit is not None
        and each.process.open_fds >= each.process.fd_limit - LEFT
    ]
    if len(full) < LEAST_SECONDS or (process := full[-1].process) is None:
        return _by_effect(facts)
    name = f" ({process.program})" if process.program else ""
    return [
        named(
            rule="target_descriptors",
            message=f"the target's process{name} had {process.open_fds:,} of {process.fd_limit:,} file descriptors "
            f"open for {len(full)} s: it cannot accept further connections",
            advice=_ADVICE,
            value=float(process.open_fds or 0),
            limit=float(process.fd_limit or 0),
            seconds=(full[0].second, full[-1].second),
        )
    ]


def _by_effect(facts: Facts) -> list[Finding]:
    """New connections are opened and not answered, while kept ones are: the target does not accept them."""
    unanswered = sum(facts.outcomes[name] for name in _NO_ANSWER)
    if facts.lost_on_new < LEAST_LOST or facts.lost_on_new < ONLY_NEW * unanswered or facts.reused < LEAST_REUSED:
        return []
    return [
        named(
            rule="new_connections",
            message=f"only new connections got no response ({facts.lost_on_new:,} requests), kept ones did: "
            "the target accepts no further connections",
            advice="check that it has file descriptors and connections left: " + _ADVICE,
            value=float(facts.lost_on_new),
        )
    ]
