"""What a user's code times by itself: groups of requests, and work that is not a request of the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self, final

from loadcore.wording.kinds import shown

if TYPE_CHECKING:
    from types import TracebackType

    from loadcore.scripting.port import Port, Run


@final
class Group:
    """What is timed together. One that the end of the run cuts off is not counted."""

    __slots__ = ("_began_ns", "_name", "_port", "_run")

    def __init__(self, port: Port, run: Run, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f'the name of a group is {shown(name)}: write c.group("checkout")')
        self._port = port
        self._run = run
        self._name = name
        self._began_ns = 0

    async def __aenter__(self) -> None:
        self._began_ns = self._run.now_ns()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not _is_cut_off(error):
            self._port.group(self._name, self._run.now_ns() - self._began_ns, error is None)

    def __enter__(self) -> NoReturn:
        raise TypeError(f'c.group() needs async with: write async with c.group("{self._name}")')

    def __exit__(self, *_: object) -> None:
        """Never reached."""


@final
class Measure:
    """Something that is not a request of the engine's, as a row."""

    __slots__ = ("_began_ns", "_failed", "_kind", "_name", "_port", "_run")

    def __init__(self, port: Port, run: Run, kind: str, name: str) -> None:
        if not (isinstance(kind, str) and isinstance(name, str)):
            raise TypeError('c.measure() takes two strings: write c.measure("postgres", "order by id")')
        self._port = port
        self._run = run
        self._kind = kind
        self._name = name
        self._began_ns = 0
        self._failed = False

    def fail(self) -> None:
        """Counts it as an error."""
        self._failed = True

    async def __aenter__(self) -> Self:
        self._began_ns = self._run.now_ns()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not _is_cut_off(error):
            took_ns = self._run.now_ns() - self._began_ns
            name = f"{self._kind} {self._name}"
            self._port.row(name, self._kind, self._began_ns, took_ns, 0, self._failed or error is not None)

    def __enter__(self) -> NoReturn:
        raise TypeError(f'c.measure() needs async with: write async with c.measure("{self._kind}", "{self._name}")')

    def __exit__(self, *_: object) -> None:
        """Never reached."""


def _is_cut_off(error: BaseException | None) -> bool:
    """Whether the end of the run ended it."""
    if error is None:
        return False
    from asyncio import CancelledError  # noqa: PLC0415 - scenario files import this module, and run nothing

    return isinstance(error, CancelledError)
