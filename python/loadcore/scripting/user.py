"""Users as classes: state with types, and tasks by weight."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loadcore.wording.kinds import shown

if TYPE_CHECKING:
    from loadcore.scripting.client import Client

Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, None]])
_WEIGHT: Final = "__loadcore_weight__"


class User:
    """A user as a class: each user is an instance of it. `steps=Shopper` takes the class.

    class Shopper(User):
        cart: str

        async def on_start(self) -> None:
            self.cart = (await self.c.post("/carts")).json("$.id")

        @task(4)
        async def browse(self) -> None:
            await self.c.get("/items")

        @task(1)
        async def fill(self) -> None:
            await self.c.put("/carts/{cart}", self.cart, json={"item": 7})

    """

    c: Client
    """The user's way to the target."""

    async def on_start(self) -> None:
        """What the user does once, before its first iteration."""

    async def on_stop(self) -> None:
        """What the user does once, after its last iteration."""


def task(weight: int = 1, /) -> Callable[[Method], Method]:
    """Makes a method of a `User` one of its iterations, chosen by weight as `choice` does.

    @task(4)
    async def browse(self) -> None: ...
    """
    if callable(weight):
        name = getattr(weight, "__name__", "browse")
        raise TypeError(f"@task needs its brackets: write @task() or @task(4) above {name}")
    if not isinstance(weight, int) or isinstance(weight, bool) or weight < 1:
        raise TypeError(f"the weight of a task is {shown(weight)}: it must be a whole number from 1")

    def mark(method: Method) -> Method:
        setattr(method, _WEIGHT, weight)
        return method

    return mark


def tasks_of(user: type[User]) -> dict[str, int]:
    """The names of a class' tasks, in the order in which they are written, with their weights."""
    names = dict.fromkeys(name for base in reversed(user.__mro__) for name in vars(base))
    found = {name: getattr(getattr_static(user, name), _WEIGHT, 0) for name in names}
    return {name: weight for name, weight in found.items() if weight}
