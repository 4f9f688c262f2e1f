"""`/items…`: cached reads with pages and entity tags."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from loadcore_target.dependencies import ExchangeDep, ItemReader
from loadcore_target.errors import ProblemError
from loadcore_target.models import ItemPage, ItemPublic
from loadcore_target.routes.documented import problems
from loadcore_target.store.items import find_item, page_of_items

router = APIRouter(prefix="/items", tags=["items"])

_ABSENT = b""
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client's entity tag is current"}}
IfNoneMatch = Annotated[str | None, Header(description="An entity tag from an earlier response")]


@router.get(
    "", operation_id="listItems", response_model=ItemPage, responses=_NOT_MODIFIED | problems(401, 403, 422, 429, 503)
)
async def list_items(
    _reader: ItemReader,
    exchange: ExchangeDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next_cursor` of the page before")] = 0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One page of items, in order of their ids."""

    async def compute() -> bytes:
        rows = await exchange.services.database.run(page_of_items, limit + 1, cursor, timings=exchange.context.timings)
        page = [ItemPublic.model_validate(dict(row)) for row in rows[:limit]]
        next_cursor = page[-1].id if len(rows) > limit else None
        return ItemPage(items=page, next_cursor=next_cursor).model_dump_json().encode()

    return _tagged(await exchange.services.cache.get(f"items:{limit}:{cursor}", compute), if_none_match)


@router.get(
    "/{item_id}", operation_id="getItem", response_model=ItemPublic,
    responses=_NOT_MODIFIED | problems(401, 403, 404, 422, 429, 503),
)  # fmt: skip
async def get_item(
    _reader: ItemReader,
    exchange: ExchangeDep,
    item_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One item."""

    async def compute() -> bytes:
        row = await exchange.services.database.run(find_item, item_id, timings=exchange.context.timings)
        return _ABSENT if row is None else ItemPublic.model_validate(dict(row)).model_dump_json().encode()

    body = await exchange.services.cache.get(f"item:{item_id}", compute)
    if body == _ABSENT:
        raise ProblemError(404, f"item {item_id} does not exist")
    return _tagged(body, if_none_match)


def _tagged(body: bytes, if_none_match: str | None) -> Response:
    tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and _matches(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _matches(tag: str, candidates: str) -> bool:
    """RFC 9110 section 13.1.2: weak comparison, a list is allowed, `*` fits everything."""
    listed = [candidate.strip().removeprefix("W/") for candidate in candidates.split(",")]
    return tag in listed or "*" in listed
