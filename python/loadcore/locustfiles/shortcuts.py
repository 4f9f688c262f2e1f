"""`get`, `post` and the others of a client, past its `request`: to call that by name costs more than what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadcore.locustfiles.patches import Patches

    Send = Callable[[Any, Any, Any, dict[str, Any]], Any]
    """What `request` does: with session, method, URL and all else by name."""

METHODS = ("get", "options", "head", "delete", "post", "put", "patch")


def are_named(unnamed: tuple[str, ...], rest: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Put what was given without its name to the rest; whether that can be."""
    if len(rest) > len(unnamed) or not options.keys().isdisjoint(unnamed[: len(rest)]):
        return False
    options.update(zip(unnamed, rest, strict=False))
    return True


class Shortcuts:
    """The methods of a session that Locust gives a line each.

    Args:
        session: Its class, with its `request` in place. A class that has one of its own gets all of its calls there.
        send: What `request` does.
        unnamed: What may be given without its name, by method.
        follows: Whether redirects are followed, where a method says so.
    """

    def __init__(
        self,
        session: type,
        send: Send,
        *,
        unnamed: Mapping[str, tuple[str, ...]],
        follows: Mapping[str, bool],
    ) -> None:
        self._session = session
        self._request: Any = vars(session)["request"]
        self._send = send
        self._unnamed = unnamed
        self._follows = follows

    def put(self, patches: Patches) -> None:
        """Put them in place."""
        for name in METHODS:
            patches.function(self._session, name, self._shortcut)

    def _shortcut(self, original: Callable[..., Any]) -> Callable[..., Any]:
        request, send, name = self._request, self._send, original.__name__
        method, unnamed, follows = name.upper(), self._unnamed.get(name, ()), self._follows.get(name)

        def shortcut(session: Any, url: Any, *rest: Any, **options: Any) -> Any:
            if type(session).request is not request or "request" in session.__dict__:
                return original(session, url, *rest, **options)
            if rest and not are_named(unnamed, rest, options):
                # Python says what is wrong.
                return original(session, url, *rest, **options)
            if follows is not None and "allow_redirects" not in options:
                options["allow_redirects"] = follows
            return send(session, method, url, options)

        return shortcut
