"""Which route a request belongs to, known before routing: truth, metrics and faults all need the same label."""

import re
from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.types import Scope

UNMATCHED = "unmatched"
"""Label of requests that fit no route."""


class RouteTable:
    """Indices and labels (`GET /items/{item_id}`) of all routes.

    Args:
        routers: The routers of the application, in the order in which they are included.
        probes: Routers whose requests are not part of the load: probes, metrics and administration.
    """

    def __init__(self, routers: Iterable[APIRouter], probes: Iterable[APIRouter]) -> None:
        self.labels: list[str] = []
        self.probe: list[bool] = []
        self._exact: dict[tuple[str, str], int] = {}
        self._patterns: list[tuple[str, re.Pattern[str], int]] = []
        for group, is_probe in ((routers, False), (probes, True)):
            for router in group:
                for route in router.routes:
                    if isinstance(route, APIRoute):
                        for method in sorted(route.methods or ()):
                            self._add(method, route.path, route.path_regex, is_probe=is_probe)
                    elif isinstance(route, APIWebSocketRoute):
                        self._add("WS", route.path, route.path_regex, is_probe=is_probe)
        self.unmatched = len(self.labels)
        self.labels.append(UNMATCHED)
        self.probe.append(False)

    def _add(self, method: str, path: str, pattern: re.Pattern[str], *, is_probe: bool) -> None:
        index = len(self.labels)
        self.labels.append(f"{method} {path.replace(':path}', '}')}")
        self.probe.append(is_probe)
        if "{" in path:
            self._patterns.append((method, pattern, index))
        else:
            self._exact[method, path] = index

    def find(self, scope: Scope) -> int:
        """The index of the route that will answer, or that of `unmatched`."""
        method = scope["method"] if scope["type"] == "http" else "WS"
        path = scope["path"]
        index = self._exact.get((method, path))
        if index is not None:
            return index
        for candidate, pattern, index in self._patterns:
            if candidate == method and pattern.match(path):
                return index
        return self.unmatched

    def methods(self, path: str) -> list[str]:
        """The methods that a path answers to, in alphabetical order; a web socket counts as none."""
        found = {method for method, exact in self._exact if exact == path}
        found |= {method for method, pattern, _ in self._patterns if pattern.match(path)}
        return sorted(found - {"WS"})
