"""`/users/…`: the cheapest protected route, answered from the claims alone."""

from fastapi import APIRouter

from loadcore_target.dependencies import AnyPrincipal
from loadcore_target.models import UserPublic
from loadcore_target.routes.documented import problems

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/me", operation_id="getMe", responses=problems(401, 429))
async def me(principal: AnyPrincipal) -> UserPublic:
    """The user that the token stands for."""
    return UserPublic(
        username=principal.subject,
        full_name=principal.name,
        email=principal.email,
        scopes=sorted(principal.scopes),
    )
