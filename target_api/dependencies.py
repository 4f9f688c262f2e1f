"""Annotated dependencies, so that a route reads as a sentence."""

import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Security
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from starlette.responses import Response

from loadcore_target.errors import ProblemError
from loadcore_target.observe.context import RequestContext, context_of
from loadcore_target.security.tokens import InvalidTokenError, Principal
from loadcore_target.services import Services

SCOPES = {"items:read": "List and read items", "orders:write": "Make, change and delete orders"}

_admin_bearer = HTTPBearer(scheme_name="AdminToken", auto_error=False, description="The token of the ready line")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as a route sees them.

    Args:
        services: The services of this worker.
        context: Id and timings of the request.
    """

    services: Services
    context: RequestContext


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that serves this connection."""
    return cast("Services", connection.app.state.services)


def client_of(connection: HTTPConnection) -> str:
    """Address of the client."""
    return connection.client.host if connection.client else ""


def asks_first(check: Callable[[Request], Awaitable[object]]) -> type[APIRoute]:
    """A class of routes that ask who it is before they read a body: FastAPI itself reads it first.

    Args:
        check: Raises if the request may not be made.
    """

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def checked(request: Request) -> Response:
                await check(request)
                return await handle(request)

            return checked

    return Route


async def _exchange(connection: HTTPConnection) -> Exchange:
    return Exchange(services_of(connection), context_of(connection.scope))


ExchangeDep = Annotated[Exchange, Depends(_exchange)]


_PRINCIPAL = "gateway.principal"


class _AccessToken(OAuth2PasswordBearer):
    """The security scheme and its check in one dependency: a second one would cost another 20 µs a request."""

    async def __call__(self, request: Request, scopes: SecurityScopes) -> Principal:  # type: ignore[override]
        """Who asks; 401 when that is not proven, 403 when the token does not allow the route."""
        principal = request.scope.get(_PRINCIPAL) or await self.identify(request)
        missing = [scope for scope in scopes.scopes if scope not in principal.scopes]
        if missing:
            challenge = f'Bearer realm="gateway", error="insufficient_scope", scope="{scopes.scope_str}"'
            raise ProblemError(403, f"the token lacks the scope {missing[0]}", {"WWW-Authenticate": challenge})
        return principal

    async def identify(self, request: Request) -> Principal:
        """Who asks, known to the request from then on; 401 when that is not proven, 429 over a limit."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError(401, "an access token is required", {"WWW-Authenticate": 'Bearer realm="gateway"'})
        services, context = services_of(request), context_of(request.scope)
        if services.limits.client is not None:
            await services.limits.check(services.limits.client, client_of(request), context)
        before = time.perf_counter()
        try:
            principal = await services.tokens.verify(token)
        except InvalidTokenError as error:
            challenge = f'Bearer realm="gateway", error="invalid_token", error_description="{error}"'
            raise ProblemError(401, str(error), {"WWW-Authenticate": challenge}) from None
        context.add_timing("auth", time.perf_counter() - before)
        if services.limits.user is not None:
            await services.limits.check(services.limits.user, principal.subject, context)
        request.scope[_PRINCIPAL] = principal
        return principal


_access_token = _AccessToken("/auth/token", "AccessToken", SCOPES, refreshUrl="/auth/token")

TokenFirstRoute = asks_first(_access_token.identify)
"""A route with a body: whoever has no token has none read."""

AnyPrincipal = Annotated[Principal, Security(_access_token)]
ItemReader = Annotated[Principal, Security(_access_token, scopes=["items:read"])]
OrderWriter = Annotated[Principal, Security(_access_token, scopes=["orders:write"])]

AdminBearer = Depends(_admin_bearer)
