"""The end of a message about an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_A_LINE: Final = 12

REQUEST_WORDS: Final[Mapping[str, str]] = {
    "body": '"json", "data" or "content"',
    "payload": '"json", "data" or "content"',
    "allow_redirects": '"follow_redirects"',
    "verify": "the scenario's http=Http(tls=Tls(insecure=True))",
    "catch_response": '"checks" or "expect"',
    "status": '"expect"',
}
"""What requests, k6 and Locust call a request's options."""

SCENARIO_WORDS: Final[Mapping[str, str]] = {
    "host": '"base_url"',
    "url": '"base_url"',
    "tasks": '"steps"',
    "flow": '"steps"',
    "users": '"load", as in load=users(50, duration="1m")',
    "vus": '"load", as in load=users(50, duration="1m")',
    "duration": '"load", as in load=users(50, duration="1m")',
    "rate": '"load", as in load=arrival_rate("100/s", duration="1m")',
    "wait_time": 'a step, as in steps=[get("/"), think("1s", "3s")]',
    "think": 'a step, as in steps=[get("/"), think("1s", "3s")]',
    "timeout": '"http", as in http=Http(timeouts=Timeouts(total="10s"))',
    "timeouts": '"http", as in http=Http(timeouts=Timeouts(total="10s"))',
    "checks": "the checks of a request",
    "warmup": '"warm_up"',
}
"""What others call the arguments of a scenario."""


def did_you_mean(name: object, names: Iterable[str], also_called: Mapping[str, str] | None = None) -> str:
    """The nearest known name, or all of them if they are few; begins so that it can follow the message at once.

    Args:
        name: The unknown name.
        names: The known ones.
        also_called: What other tools call the known ones, with what to write instead.
    """
    if (meant := (also_called or {}).get(str(name))) is not None:
        return f", did you mean {meant}?"
    import difflib  # noqa: PLC0415 - slow to import, needed for errors only

    known = list(names)
    nearest = difflib.get_close_matches(str(name), known, n=1)
    if nearest:
        return f', did you mean "{nearest[0]}"?'
    return f" (known: {', '.join(known)})" if 0 < len(known) <= _A_LINE else ""
