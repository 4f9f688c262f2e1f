"""`/auth/…`: tokens issued, revoked and inspected."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import Response

from loadcore_target.dependencies import ExchangeDep, client_of
from loadcore_target.errors import OAuthError
from loadcore_target.models import Introspection, OAuthErrorBody, TokenResponse
from loadcore_target.routes.documented import problems
from loadcore_target.security.grants import ClientCredentials, GrantService
from loadcore_target.security.tokens import InvalidTokenError
from loadcore_target.services import Services

_LONGEST_FORM = 16 * 1024

router = APIRouter(prefix="/auth", tags=["auth"])

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": OAuthErrorBody, "description": "An error of RFC 6749 section 5.2"},
    401: {"model": OAuthErrorBody, "description": "`invalid_client`"},
    429: problems(429)[429],
    503: {"model": OAuthErrorBody, "description": "Too many logins are waiting; `Retry-After` says when to retry"},
}


def _form(fields: dict[str, str], example: dict[str, str], required: list[str]) -> dict[str, Any]:
    """The OpenAPI description of a form: these routes read it themselves, to answer in the words of the RFC."""
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    # Others are ignored, but given once: RFC 6749 section 3.2.
    schema["additionalProperties"] = {"type": "string"}
    content = {"application/x-www-form-urlencoded": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


_TOKEN_FORM = _form(
    {
        "grant_type": "`password`, `refresh_token` or `client_credentials`",
        "username": "Grant `password`",
        "password": "Grant `password`",
        "refresh_token": "Grant `refresh_token`",
        "scope": "Space separated; everything granted when left out",
        "client_id": "Instead of Basic authentication",
        "client_secret": "Instead of Basic authentication",
    },
    {"grant_type": "password", "username": "user-0000", "password": "password-0000"},
    ["grant_type"],
)
_TOKEN_ARGUMENT = _form(
    {"token": "An access or refresh token", "client_id": "Client", "client_secret": "Its secret"},
    {"token": "eyJhbGciOi…"},
    ["token"],
)


async def _read_form(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise OAuthError("invalid_request", f"the form is longer than {_LONGEST_FORM} bytes", 413)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        raise OAuthError("invalid_request", "the form is not URL-encoded UTF-8") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "a parameter appears twice")
    return form


@router.post(
    "/token", operation_id="issueToken", response_model=TokenResponse, response_model_exclude_none=True,
    responses=_ERRORS, openapi_extra=_TOKEN_FORM,
)  # fmt: skip
async def issue_token(
    request: Request,
    response: Response,
    exchange: ExchangeDep,
) -> TokenResponse:
    """Logs a user in, renews an access token, or gives a machine client one."""
    response.headers["Cache-Control"] = "no-store"
    limits = exchange.services.limits
    await limits.check(limits.client, client_of(request), exchange.context)
    form = await _read_form(request)
    # Only guesses at passwords are rationed: a refresh names no user, and no client may use up another's.
    if form.get("grant_type") == "password":
        await limits.check(limits.login, form.get("username", ""), exchange.context)
    return await GrantService(exchange, request.headers.get("authorization")).answer(form)


@router.post(
    "/revoke", operation_id="revokeToken", response_class=Response, responses=_ERRORS, openapi_extra=_TOKEN_ARGUMENT
)
async def revoke_token(
    request: Request,
    exchange: ExchangeDep,
) -> Response:
    """Revokes a token (RFC 7009); an unknown one is answered alike, with 200.

    A client revokes its own tokens only; a token that a user got without a client is revoked without one.
    """
    form = await _read_form(request)
    credentials = ClientCredentials(request.headers.get("authorization"), form)
    credentials.authenticate_if_given(exchange.services.settings.clients)
    await exchange.services.tokens.revoke(_token_of(form), credentials.client_id)
    return Response(status_code=200)


@router.post(
    "/introspect", operation_id="introspectToken", response_model=Introspection, response_model_exclude_none=True,
    responses=_ERRORS, openapi_extra=_TOKEN_ARGUMENT,
)  # fmt: skip
async def introspect_token(
    request: Request,
    exchange: ExchangeDep,
) -> Introspection:
    """Says what a token is worth (RFC 7662)."""
    token = await _authenticated_token(request, exchange.services)
    try:
        claims = exchange.services.tokens.read_refresh(token)
    except InvalidTokenError:
        return await _inspect_access(exchange.services, token)
    if not await exchange.services.tokens.refresh_is_live(claims):
        return Introspection(active=False)
    return Introspection(
        active=True,
        scope=claims.scope,
        client_id=claims.client_id or None,
        username=claims.subject,
        sub=claims.subject,
        exp=claims.expires_at,
        token_type="refresh_token",  # noqa: S106 - the name of a kind, not a secret
    )


async def _inspect_access(services: Services, token: str) -> Introspection:
    try:
        principal = await services.tokens.verify(token)
    except InvalidTokenError:
        return Introspection(active=False)
    is_user = principal.kind == "user"
    return Introspection(
        active=True,
        scope=" ".join(sorted(principal.scopes)),
        username=principal.subject if is_user else None,
        client_id=principal.client_id or None,
        sub=principal.subject,
        exp=principal.expires_at,
        jti=principal.jti,
        token_type="Bearer",  # noqa: S106
    )


async def _authenticated_token(request: Request, services: Services) -> str:
    form = await _read_form(request)
    ClientCredentials(request.headers.get("authorization"), form).authenticate(services.settings.clients)
    return _token_of(form)


def _token_of(form: dict[str, str]) -> str:
    if not form.get("token"):
        raise OAuthError("invalid_request", "token is missing")
    return form["token"]
