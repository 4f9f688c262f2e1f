"""Annotated dependencies, so that a route reads as a sentence."""

import time
from typing import Annotated, cast

from fastapi import Depends, Security
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer, OAuth2PasswordBearer, SecurityScopes

from target_api.errors import ProblemError
from target_api.observe.context import RequestContext, context_of
from target_api.security.tokens import InvalidTokenError, Principal
from target_api.services import Services

SCOPES = {"items:read": "List and read items", "orders:write": "Make, change and delete orders"}

_bearer = OAuth2PasswordBearer(tokenUrl="/auth/token", refreshUrl="/auth/token", scopes=SCOPES, auto_error=False)
_admin_bearer = HTTPBearer(scheme_name="AdminToken", auto_error=False, description="The token of the ready line")


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that serves this connection."""
    return cast("Services", connection.app.state.services)


def _context(connection: HTTPConnection) -> RequestContext:
    return context_of(connection.scope)


async def _services(connection: HTTPConnection) -> Services:
    return services_of(connection)


async def _request_context(connection: HTTPConnection) -> RequestContext:
    return _context(connection)


ServicesDep = Annotated[Services, Depends(_services)]
ContextDep = Annotated[RequestContext, Depends(_request_context)]


async def _principal(
    scopes: SecurityScopes, connection: HTTPConnection, token: Annotated[str | None, Depends(_bearer)]
) -> Principal:
    """Who asks; 401 when that is not proven, 403 when the token does not allow the route."""
    if token is None:
        raise ProblemError(401, "an access token is required", {"WWW-Authenticate": 'Bearer realm="gateway"'})
    before = time.perf_counter()
    try:
        principal = await services_of(connection).tokens.verify(token)
    except InvalidTokenError as error:
        challenge = f'Bearer realm="gateway", error="invalid_token", error_description="{error}"'
        raise ProblemError(401, str(error), {"WWW-Authenticate": challenge}) from None
    _context(connection).add_timing("auth", time.perf_counter() - before)
    missing = [scope for scope in scopes.scopes if scope not in principal.scopes]
    if missing:
        challenge = f'Bearer realm="gateway", error="insufficient_scope", scope="{scopes.scope_str}"'
        raise ProblemError(403, f"the token lacks the scope {missing[0]}", {"WWW-Authenticate": challenge})
    return principal


AnyPrincipal = Annotated[Principal, Security(_principal)]
ItemReader = Annotated[Principal, Security(_principal, scopes=["items:read"])]
OrderWriter = Annotated[Principal, Security(_principal, scopes=["orders:write"])]

AdminBearer = Depends(_admin_bearer)
