"""Error answers that the OpenAPI document lists for protected routes."""

from typing import Any

from loadcore_target.models import Problem


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of these error statuses, all with problem+json bodies."""
    texts = {
        400: "The request is malformed",
        401: "No valid access token; `WWW-Authenticate` says why",
        403: "The token lacks a scope",
        404: "Not found",
        409: "It conflicts with the current state",
        413: "The body is too long",
        422: "The request does not fit the schema",
        429: "Over the rate limit; `Retry-After` says when to retry",
        502: "The upstream failed",
        503: "Temporarily unavailable",
        504: "The upstream did not answer in time",
    }
    body = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": Problem, "description": texts[status], "content": body} for status in statuses}
