"""Why users got no token, in words, and what to do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from loadcore.wording.outcomes import NO_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.results.samples import Sample
    from loadcore.results.sum.tally import Tally

_REJECTED: Final = "check the scenario's credentials: user names, passwords, `token_url`"
_CLIENT: Final = 'look at the client\'s id and secret; some servers want them in the body: client_in="body"'
_UNREACHED: Final = "check `token_url`, and that the server there responds"
_WRONG_PLACE: Final = "check `token_url`: the server there is not a token endpoint"
_NO_ROOM: Final = "start users more slowly, or let them share tokens: shared=4"
_OTHER_SHAPE: Final = 'to take a token from elsewhere in a response, use login(post(…), token=response.json("$.…"))'
_VARIABLE: Final = "give the variable a value before the first request that needs a token"


def why(whole: Tally, samples: Sequence[Sample]) -> tuple[str, str]:
    """What the token endpoint said, as a clause, and what to do about it."""
    call = next((step for (_, section, _), step in whole.steps.items() if section == "auth" and step.errors), None)
    reason = _reason(samples)
    if call is None:
        return reason or "no token was available", _VARIABLE if "variable" in reason else _REJECTED
    refused = {status: count for status, count in call.statuses.items() if status >= HTTPStatus.BAD_REQUEST}
    failed = {outcome: count for outcome, count in call.outcomes.items() if outcome not in NO_ERRORS}
    if refused:
        said = "answered " + ", ".join(f"{status} {_times(count)}" for status, count in sorted(refused.items()))
    elif failed:
        said = "failed: " + ", ".join(f"{outcome} {_times(count)}" for outcome, count in sorted(failed.items()))
        return f"the token endpoint refused: {call.name} {said}", _UNREACHED
    else:
        said = "returned no token"
    text = f"the token endpoint refused: {call.name} {said}"
    return f"{text}: {reason}" if reason else text, _advice(set(refused), reason)


def unreachable(whole: Tally, samples: Sequence[Sample]) -> tuple[str, list[str]] | None:
    """How connections to token endpoints failed, and where those are; `None` if one was reached."""
    calls = [step for (_, section, _), step in whole.steps.items() if section == "auth" and step.errors]
    outcomes = {outcome for step in calls for outcome in step.outcomes if outcome != "interrupted"}
    if outcomes != {"connect_refused"}:
        return None
    of_calls = [sample.request.origin for sample in samples if sample.section == "auth" and sample.request]
    return "connect_refused", list(dict.fromkeys(of_calls))


def _reason(samples: Sequence[Sample]) -> str:
    """The words of the first request that had no token, without what counts say anyway."""
    found = next((sample.reason for sample in samples if sample.what == "auth_failed"), "")
    words = found.removeprefix("no token: ")
    status, _, rest = words.partition(": ")
    return rest if status.startswith("status ") else words


def _advice(refused: set[int], reason: str) -> str:
    if not refused:
        return _OTHER_SHAPE if reason.startswith(("the response has no", "the access_token")) else _WRONG_PLACE
    if "invalid_client" in reason:
        return _CLIENT
    if refused <= {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return _WRONG_PLACE
    if all(status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR for status in refused):
        return _NO_ROOM
    return _REJECTED


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
