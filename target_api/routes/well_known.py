"""`/.well-known/…`: what a client needs to find and verify tokens."""

from typing import Any

from fastapi import APIRouter, Request

from loadcore_target.dependencies import SCOPES, ExchangeDep

router = APIRouter(prefix="/.well-known", tags=["auth"])


@router.get("/jwks.json", operation_id="getSigningKeys")
async def signing_keys(exchange: ExchangeDep) -> dict[str, Any]:
    """The public keys of the access tokens; empty when they are signed with a shared secret."""
    if exchange.services.tokens.keys.stale:
        await exchange.services.tokens.keys.load()
    return exchange.services.tokens.keys.public()


@router.get("/oauth-authorization-server", operation_id="getAuthorizationServer")
async def authorization_server(request: Request, exchange: ExchangeDep) -> dict[str, Any]:
    """The metadata of the OAuth2 server (RFC 8414)."""
    base = str(request.base_url).rstrip("/")
    methods = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": exchange.services.settings.issuer,
        "token_endpoint": f"{base}/auth/token",
        "revocation_endpoint": f"{base}/auth/revoke",
        "introspection_endpoint": f"{base}/auth/introspect",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["password", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": [*methods, "none"],
        "scopes_supported": sorted(SCOPES),
    }
