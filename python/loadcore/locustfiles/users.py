"""Users of Locust as users of the engine: each has a number, and connections of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locust.user.users import User

from loadcore.locustfiles.request_event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.calls import Calls
    from loadcore.locustfiles.patches import Patches

NUMBER = "_loadcore_number"
_CONTEXT = User.context


def context_of(user: Any, context: dict[str, Any] | None) -> dict[str, Any] | None:
    """The context of a call: what its user has, and what the call gives; None if neither has one."""
    if user is None or type(user).context is _CONTEXT:
        return context
    return {**user.context(), **(context or {})}


class Users:
    """Numbers users as they start, and has them leave when their greenlet ends.

    Args:
        calls: Where requests go.
        patches: What puts it in place.
    """

    def __init__(self, calls: Calls, patches: Patches) -> None:
        self.calls = calls
        patches.method(User, "start", self._start)

    def of_session(self, session: Any) -> int:
        """The number of a session's user. A session that belongs to no running user counts as one."""
        number = session.__dict__.get(NUMBER)
        if number is None:
            owner = session.user
            number = owner.__dict__.get(NUMBER) if owner is not None else None
            session.__dict__[NUMBER] = number = self.calls.join() if number is None else number
        return int(number)

    def _start(self, original: Callable[..., Any], user: Any, group: Any) -> Any:
        number = user.__dict__.setdefault(NUMBER, None)
        if number is None:
            number = user.__dict__[NUMBER] = self.calls.join()
        greenlet = original(user, group)
        RequestEvent.users[greenlet] = number
        greenlet.rawlink(self._left)
        return greenlet

    def _left(self, greenlet: Any) -> None:
        number = RequestEvent.users.pop(greenlet, None)
        if number is not None:
            self.calls.leave(number)
