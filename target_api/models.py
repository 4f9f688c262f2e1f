"""Wire types, one per direction."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _a_number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("this is not a number")  # noqa: TRY004 - pydantic takes a TypeError for a bug
    return value


AS_JSON_COUNTS = BeforeValidator(_a_number)
"""For an `int` that JSON Schema would call one: `2` and `2.0`, not `true` or `"2"`, which pydantic takes too."""


class TokenResponse(BaseModel):
    """A successful answer of the token endpoint (RFC 6749 section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a kind, not a secret
    expires_in: int
    scope: str
    refresh_token: str | None = None


class OAuthErrorBody(BaseModel):
    """An error answer of the OAuth2 routes (RFC 6749 section 5.2)."""

    error: str
    error_description: str


class Introspection(BaseModel):
    """What a token is worth (RFC 7662)."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    username: str | None = None
    sub: str | None = None
    exp: int | None = None
    jti: str | None = None
    token_type: str | None = None


class FieldProblem(BaseModel):
    """One field that does not fit."""

    at: str
    message: str


class Problem(BaseModel):
    """An error answer of all other routes (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class UserPublic(BaseModel):
    """The user that a token stands for."""

    username: str
    full_name: str
    email: str
    scopes: list[str]


class ItemPublic(BaseModel):
    """One item."""

    id: int
    sku: str
    name: str
    price_cents: int
    stock: int


class ItemPage(BaseModel):
    """One page of items; `next_cursor` is null on the last."""

    items: list[ItemPublic]
    next_cursor: int | None


class OrderCreate(BaseModel):
    """An order to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"item_id": 7, "quantity": 2}]})

    item_id: Annotated[int, Field(ge=1, le=2**31 - 1), AS_JSON_COUNTS]
    quantity: Annotated[int, Field(ge=1, le=1000), AS_JSON_COUNTS] = 1


class OrderUpdate(BaseModel):
    """A change of an order's state."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "paid"}]})

    status: Literal["paid", "cancelled"]


class OrderPublic(BaseModel):
    """One order."""

    id: str
    item_id: int
    quantity: int
    total_cents: int
    status: str
    created_at: str


class Health(BaseModel):
    """That the process lives, and what it is; `password_hash` and `note` say how cheap the login is."""

    status: Literal["ok"] = "ok"
    profile: str
    replica: str
    worker: int
    pid: int
    password_hash: str
    note: str | None


class Readiness(BaseModel):
    """Whether requests should be sent here."""

    ready: bool
    reasons: list[str]
