"""Who may see a page that is served on this machine: no other site, and no one without the token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COOKIE: Final = "loadcore-token"
_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides about a request by its headers.

    Attributes:
        port: Where the page is served.
        token: What the address of the page has that was printed.
    """

    port: int
    token: str

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused, whoever sends it; None if it is not.

        A page of another site that made its own name point here would send that name as `Host`, and itself as
        `Origin`.
        """
        if headers.get("host", "").lower() not in {f"{name}:{self.port}" for name in _LOCAL}:
            return "this page is served under 127.0.0.1 only"
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{name}:{self.port}" for name in _LOCAL}:
            return "other sites may not read this page"
        return None

    def knows(self, given: str | None) -> bool:
        """Whether this is the token."""
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())


def foreign(headers: Mapping[str, str]) -> str | None:
    """Why a change is refused: it must come from a script of the page, which names its origin; None if it does."""
    if "origin" not in headers or headers.get("content-type") != "application/json":
        return "changes come from the page: JSON, with the page's origin"
    return None
