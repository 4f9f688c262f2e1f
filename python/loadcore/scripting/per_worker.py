"""What all users of a worker share: a pool of connections, a client, a table."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from loadcore.wording.kinds import kind_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable

T = TypeVar("T")

_declared: Final[list[PerWorker[Any]]] = []


class PerWorker(Generic[T]):
    """Something that is made once in each worker. Called, it gives what was made."""

    def __init__(self, make: Callable[[], AsyncIterator[T]]) -> None:
        self.make = make
        self.name = getattr(make, "__qualname__", "it")
        self._iterator: AsyncIterator[T] | None = None
        self._opening: asyncio.Future[T] | None = None

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Sent to another process, it is declared there as well, which makes its own."""
        return per_worker, (self.make,)

    async def __call__(self) -> T:
        """What was made, once it is there. Outside a run it is made when it is first asked for."""
        return await self.open()

    async def open(self) -> T:
        """Makes it, unless it is there or being made.

        Raises:
            RuntimeError: It yields nothing.
        """
        import asyncio  # noqa: PLC0415 - scenario files import this module, and run nothing

        # What another loop has made ended with it.
        if self._opening is not None and self._opening.get_loop() is asyncio.get_running_loop():
            return await asyncio.shield(self._opening)
        opening: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._opening = opening
        self._iterator = aiter(self.make())
        try:
            opening.set_result(await anext(self._iterator))
        except StopAsyncIteration:
            opening.set_exception(RuntimeError(f"{self.name} yields nothing: write yield and what users get"))
        except BaseException as error:
            opening.set_exception(error)
            opening.exception()  # Others may never ask for it.
            raise
        return await opening

    async def close(self) -> None:
        """Runs what follows its `yield`."""
        iterator, self._iterator, self._opening = self._iterator, None, None
        if iterator is not None:
            await anext(iterator, None)


def per_worker(make: Callable[[], AsyncIterator[T]], /) -> Callable[[], Awaitable[T]]:
    """Makes something once in each worker: opened before the load begins, closed after it.

        @per_worker
        async def database() -> AsyncIterator[asyncpg.Pool]:
            async with asyncpg.create_pool(dsn, max_size=4) as pool:
                yield pool

        async def buyer(c: Client) -> None:
            pool = await database()

    Args:
        make: An async generator that yields once.
    """
    if not inspect.isasyncgenfunction(make):
        raise TypeError(
            f"@per_worker takes an async generator, which yields once, not {kind_of(make)}: write async def and yield"
        )
    made = PerWorker(make)
    _declared.append(made)
    return made


async def open_all() -> None:
    """Makes everything that was declared in this process.

    Raises:
        Exception: What one of them raised.
    """
    for each in _declared:
        await each.open()


async def close_all() -> None:
    """Closes everything, in the opposite order. What one of them raises is raised when all are closed."""
    errors: list[BaseException] = []
    for each in reversed(_declared):
        try:
            await each.close()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the others are closed, too
            errors.append(error)
    if errors:
        raise BaseExceptionGroup("closing what users share", errors)
