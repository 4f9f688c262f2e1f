"""Error bodies: problem+json (RFC 9457) everywhere, RFC 6749 bodies on the OAuth2 routes."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from loadcore_target.route_table import RouteTable


class ProblemError(HTTPException):
    """An answer with problem+json.

    Args:
        status: The status code.
        detail: One sentence for the reader.
        headers: Further response headers.
        extra: Further members of the problem document.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.extra = dict(extra or {})


class OAuthError(Exception):
    """An error answer of the OAuth2 server (RFC 6749 section 5.2).

    Args:
        code: One of the codes of the RFC, like `invalid_grant`.
        description: One sentence for the developer of the client.
        status: 400, or 401 for `invalid_client`, or 503 when the server is too busy.
        headers: Further response headers.
    """

    def __init__(
        self, code: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None
) -> Response:
    """A problem+json response; its type is `about:blank`, so the title is the status phrase."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(extra or {})}
    return Response(json.dumps(document), status, dict(headers or {}), "application/problem+json")


def install_handlers(app: FastAPI, routes: RouteTable) -> None:
    """Makes every error of the application one of the two documented bodies.

    Args:
        app: The application.
        routes: Its routes.
    """

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - the registration below guarantees it
        extra = error.extra if isinstance(error, ProblemError) else None
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # The router names the methods of the first route with this path; a client wants those of all.
            headers = {**(headers or {}), "Allow": ", ".join(routes.methods(request.scope["path"]))}
        return problem_response(error.status_code, str(error.detail), headers, extra)

    async def on_invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # The input itself is left out: it may contain secrets that do not belong in a log.
        fields = [{"at": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()]
        return problem_response(422, "the request does not fit the schema", extra={"errors": fields})

    async def on_oauth(_request: Request, error: Exception) -> Response:
        assert isinstance(error, OAuthError)  # noqa: S101
        headers = {"Cache-Control": "no-store", **error.headers}
        body = json.dumps({"error": error.code, "error_description": error.description})
        return Response(body, error.status, headers, "application/json")

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(OAuthError, on_oauth)
