"""How a driver reaches the agents of nodes. What carries the messages is behind this; it never repeats a call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class Link(ABC):
    """A way to some nodes."""

    is_private = True
    """Whether no one on the way can read what is sent."""

    @abstractmethod
    def nodes(self) -> list[str]:
        """The addresses of the nodes that are there."""

    @abstractmethod
    def call(self, node: str, verb: str, timeout_s: float, **arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Ask the agent of a node. One call, to one node, once; the future fails where no answer came in time."""

    @abstractmethod
    def listen(self, message: Callable[[str, dict[str, Any]], None], lost: Callable[[str, str], None]) -> None:
        """Hear the agents.

        Args:
            message: Called with a node and what its agent says, from any thread.
            lost: Called with a node that went away and the reason. An empty address means all of them.
        """

    def end_run(self) -> None:  # noqa: B027 - most links have nothing to end
        """The run is over: nothing is heard any more."""

    @abstractmethod
    def close(self) -> None:
        """Leave the cluster. The nodes stay."""
