"""What loadcore changes in the modules of Locust, so that it can be undone."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from locust import env, runners, stats

if TYPE_CHECKING:
    from collections.abc import Callable


class Patches:
    """Replaces attributes and remembers what they were."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def attribute(self, owner: Any, name: str, value: object) -> None:
        """Put a value in the place of an attribute."""
        self._before.append((owner, name, vars(owner)[name]) if name in vars(owner) else (owner, name, self))
        setattr(owner, name, value)

    def method(self, owner: type, name: str, replacement: Callable[..., Any]) -> None:
        """Put a function in the place of a method. It gets the original as its first argument."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(instance: Any, *arguments: Any, **options: Any) -> Any:
            return replacement(original, instance, *arguments, **options)

        self.attribute(owner, name, method)

    def function(self, owner: type, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Put a function in the place of a method, made of the original: for what runs at each request."""
        original = getattr(owner, name)
        self.attribute(owner, name, functools.wraps(original)(make(original)))

    def class_method(self, owner: type, name: str, replacement: Callable[..., Any]) -> None:
        """The same for a class method; the original is bound."""
        original = getattr(owner, name)
        self.attribute(owner, name, staticmethod(functools.partial(replacement, original)))

    def stats(self, kind: type) -> None:
        """Put a class in the place of Locust's `RequestStats`, for environments that are made from now on."""
        for module in (stats, env, runners):
            self.attribute(module, "RequestStats", kind)

    def undo(self) -> None:
        """Put everything back."""
        while self._before:
            owner, name, value = self._before.pop()
            if value is self:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
