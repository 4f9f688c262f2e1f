"""A user's way to the target, and what drives it."""
# ruff: noqa: SLF001 - a client and its driver are one thing in two views

from __future__ import annotations

import json
from collections.abc import Awaitable, Coroutine
from importlib import import_module
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, Self, TypeVar, Unpack, cast, final, overload

from loadcore.scripting.calls import PLAIN, CallOptions, call_of, refuse_unknown
from loadcore.scripting.duration import length_ns
from loadcore.scripting.failures import CheckFailed
from loadcore.scripting.pauses import pause_ns
from loadcore.scripting.row import Row
from loadcore.scripting.stream import Opening
from loadcore.scripting.timing import Group, Measure
from loadcore.scripting.urls import plain_gets, url_of
from loadcore.wording.kinds import kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta
    from random import Random
    from types import TracebackType

    from loadcore.scenario.auth import Auth
    from loadcore.scenario.feeders import Value
    from loadcore.scenario.http import Http
    from loadcore.scenario.scenario import Scenario
    from loadcore.scenario.values import Fields, Text
    from loadcore.scripting.port import Port, Run, Streamed, Turn
    from loadcore.scripting.response import Response
    from loadcore.scripting.stream import Stream

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")

_NO_ROW: Final = Row({})


class _NotOpen:
    """In place of the engine's user, as long as a client has none."""

    def __getattr__(self, _: str) -> NoReturn:
        raise RuntimeError("this client is not open: write async with Client(shop) as c, and use c in that block")


_NOT_OPEN: Final[Any] = _NotOpen()


class RunAborted(BaseException):
    """The user's code ended the run. Not an `Exception`, so that no `except` of the user's own stops it."""


@final
class Client:
    """A user's way to the target: made by loadcore for each user, and given to its function.

    One of your own is a user with no run around it, to try things with:

        async with Client(shop) as c:
            r = await c.get("/items")

    Args:
        scenario: Whose user it is.
        base_url: The target, in place of the scenario's.
        auth: How every request authenticates, in place of the scenario's.
        headers: Sent with every request, in place of the scenario's.
        row: The row, in place of the one that feeders deal out.
        http: How it speaks HTTP, in place of the scenario's.
    """

    __slots__ = (
        *("_alone", "_instances", "_opened", "_port", "_random", "_run", "_seed"),
        *("headers", "iteration", "row", "state", "variables"),
    )
    _port: Port
    _run: Run
    _seed: str

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        base_url: str | None = None,
        auth: Auth | None = None,
        headers: Fields | None = None,
        row: Mapping[str, Value] | None = None,
        http: Http | None = None,
    ) -> None:
        self.iteration = 0
        """The number of the user's iteration, as `{$iteration}`."""
        self.row: Mapping[str, str] = _NO_ROW
        """The columns of this iteration's rows, of all feeders, as strings."""
        self.variables: MutableMapping[str, Any] = {}
        """The row, and what declared steps have extracted or you have set: declared steps that follow may use both."""
        self.state: dict[str, Any] = {}
        """Yours, for as long as the user lives."""
        self.headers: MutableMapping[str, str] = {}
        """Sent with every request of this user from now on."""
        self._random: Random | None = None
        self._instances: dict[type, Any] = {}
        given = {"base_url": base_url, "auth": auth, "headers": headers, "row": row, "http": http}
        self._port = self._run = _NOT_OPEN
        self._seed = ""
        self._alone = scenario, {name: value for name, value in given.items() if value is not None}

    async def __aenter__(self) -> Self:
        """Opens a user with no run around it."""
        # By its name, since it is above this module.
        self._opened = import_module("loadcore.debugging").alone(self, *self._alone)
        await self._opened.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        try:
            await self._opened.__aexit__(kind, error, trace)
        finally:
            self._port = self._run = _NOT_OPEN

    def __enter__(self) -> NoReturn:
        raise TypeError("a client needs async with: write async with Client(shop) as c")

    def __exit__(self, *_: object) -> None:
        """Never reached."""

    @property
    def user(self) -> int:
        """The number of the user, as `{$user}`."""
        return self._port.number

    @property
    def random(self) -> Random:
        """Chance from the run's seed: the same seed gives the same numbers in each iteration."""
        if self._random is None:
            from random import Random  # noqa: PLC0415 - as above

            self._random = Random(f"{self._seed}/{self.user}/{self.iteration}")
        return self._random

    def request(
        self, method: str, url: str, /, *values: Text, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Response]:
        """A request, on its way at the next await.

            item = await c.get("/items/{id}", 7)          the step is called GET /items/{id}
            paid = await c.post("/orders", json={"item": 7}, expect=[201, 409])

        Args:
            method: The method.
            url: A path with query, relative to the scenario's `base_url`, or an absolute URL. Values fill its braces in
                their order, percent-encoded; those of `{name:raw}` are taken as they are.
            values: What the braces are filled with.
            options: See `CallOptions`.
        """
        if not isinstance(method, str):
            raise TypeError(f'the method is {shown(method)}: write c.request("GET", "/items")')
        # As httpx does.
        return self._request(method.upper(), url, values, options)

    def _request(
        self, method: str, url: str, values: Sequence[Text], options: CallOptions, *, streamed: bool = False
    ) -> Coroutine[Any, Any, Response]:
        template = url_of(url)
        if options and len(values) < template.slots:
            # `id=7` for the value of a brace: the option says more than the number of values does.
            refuse_unknown(method, options)
        target = template.fill(method, values)
        if not (options or self.headers or streamed):
            if method == "GET" and not values:
                plain_gets[url] = template.name(method), method, target
            return self._port.send(template.name(method), method, target)
        call = call_of(method, options) if options else PLAIN
        if call.query:
            target = f"{target}{'&' if '?' in target else '?'}{call.query}"
        if self.headers:
            call = call.with_headers(self.headers)
        return self._port.send(
            call.name or template.name(method),
            method,
            target,
            call.headers,
            call.body,
            timeouts=call.timeouts,
            expect=call.expect,
            max_redirects=0 if call.follows is False else None,
            anonymous=call.is_anonymous,
            streamed=streamed,
        )

    def get(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A GET request, as `request`."""
        # What most calls are; `_request` has filled it.
        if not (values or options or self.headers) and (known := plain_gets.get(url)) is not None:
            # One by one: a call with a star makes an object of the method first.
            name, method, target = known
            return self._port.send(name, method, target)
        return self._request("GET", url, values, options)

    def head(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A HEAD request, as `request`."""
        return self._request("HEAD", url, values, options)

    def options(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """An OPTIONS request, as `request`."""
        return self._request("OPTIONS", url, values, options)

    def post(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A POST request, as `request`."""
        return self._request("POST", url, values, options)

    def put(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A PUT request, as `request`."""
        return self._request("PUT", url, values, options)

    def patch(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A PATCH request, as `request`."""
        return self._request("PATCH", url, values, options)

    def delete(self, url: str, /, *values: Text, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, Response]:
        """A DELETE request, as `request`."""
        return self._request("DELETE", url, values, options)

    def stream(
        self, method: str, url: str, /, *values: Text, **options: Unpack[CallOptions]
    ) -> AbstractAsyncContextManager[Stream]:
        """A request whose response is read while it comes. Arguments as of `request`.

            async with c.stream("GET", "/events") as s:
                async for event in s:                     server-sent events; `s.lines()`, `s.chunks()`, `s.text()`
                    if event.data == "done":
                        break                             leaving the block closes the stream

        `timeout` is how long its head may take, and each piece of it after the one before.
        """
        return Opening(lambda: cast("Streamed", self._request(method, url, values, options, streamed=True)))

    @overload
    async def gather(self, first: Awaitable[T1], second: Awaitable[T2], /) -> tuple[T1, T2]: ...
    @overload
    async def gather(
        self, first: Awaitable[T1], second: Awaitable[T2], third: Awaitable[T3], /
    ) -> tuple[T1, T2, T3]: ...
    @overload
    async def gather(self, *calls: Awaitable[T]) -> tuple[T, ...]: ...
    async def gather(self, *calls: Awaitable[Any]) -> tuple[Any, ...]:
        """All at once: they cross to the engine together, and each request has a connection of its own.

        items, offers = await c.gather(c.get("/items"), c.get("/offers"))
        """
        from asyncio import gather  # noqa: PLC0415 - scenario files import this module, and run nothing

        for each in calls:
            if isinstance(each, list | tuple | GeneratorType):
                raise TypeError(f"c.gather() takes requests, and got {kind_of(each)}: write c.gather(*requests)")
        return tuple(await gather(*calls))

    def check(self, holds: object, name: str, /, *, stop: bool = False) -> bool:
        """Counts a check by this name, and gives back whether it holds.

        Args:
            holds: Whether it holds.
            name: What it is called in results.
            stop: Whether the iteration ends, as failed, when it does not hold.
        """
        if isinstance(holds, Coroutine):
            raise TypeError(f'the check "{name}" got {kind_of(holds)} that was not awaited: write await before it')
        if not isinstance(name, str):
            raise TypeError(f'the name of a check is {kind_of(name)}: write c.check(r.status == 200, "found")')
        truth = bool(holds)
        self._port.check(name, truth)
        if stop and not truth:
            raise CheckFailed(f"the check `{name}` does not hold")
        return truth

    def group(self, name: str, /) -> Group:
        """What is done inside is timed together, under one name.

        async with c.group("checkout"):
            ...
        """
        return Group(self._port, self._run, name)

    def measure(self, kind: str, name: str, /) -> Measure:
        """Makes a row of what is done inside, called `kind name`: it is never in the API's times or errors.

        async with c.measure("postgres", "order by id"):
            row = await pool.fetchrow("select total from orders where id = $1", number)

        An exception fails it, and so does `.fail()` of what `as` gives.
        """
        return Measure(self._port, self._run, kind, name)

    @overload
    async def think(self, shortest: str, longest: str | None = None, /) -> None: ...
    @overload
    async def think(self, /, *, mean: str) -> None: ...
    async def think(
        self, shortest: str | None = None, longest: str | None = None, /, *, mean: str | None = None
    ) -> None:
        """A person's pause, as the step of that name.

        await c.think("2s")           always two seconds
        await c.think("1s", "3s")     any length between, equally likely
        await c.think(mean="2s")      exponential, cut at ten times the mean
        """
        await self._port.wait(pause_ns(shortest, longest, mean, self.random))

    async def sleep(self, time: str | timedelta, /) -> None:
        """Waits exactly so long as this says: for a `retry_after`, or between polls."""
        await self._port.wait(length_ns(time))

    def abort(self, reason: str, /) -> NoReturn:
        """Ends the run, with exit code 108."""
        self._run.abort(reason)
        raise RunAborted(reason)


@final
class Driver:
    """What drives a user: the other side of its client.

    Args:
        port: The user, as the engine knows it.
        run: The engine's side of the worker.
        scenario: The name of the user's scenario.
        seed: Where every random choice of the run comes from.
        client: The client, if there is one already.
    """

    __slots__ = ("_given", "_port", "_turn", "client")

    def __init__(self, port: Port, run: Run, *, scenario: str, seed: int, client: Client | None = None) -> None:
        self.client = client or Client()
        """What the user's function is given."""
        self.client._port, self.client._run, self.client._seed = port, run, f"{seed}/{scenario}"
        self._port = port
        self._given: Mapping[str, str] = {}
        self._turn: Turn | None = None

    def begin(self, turn: Turn) -> None:
        """A turn of the user begins."""
        client = self.client
        client.iteration = turn.iteration
        client._random = None
        # One that follows the last directly has its variables.
        if turn is not self._turn:
            self._turn = turn
            # Made at each reading.
            self._given = given = turn.variables
            client.variables = {**given}
            client.row = Row(given) if given else _NO_ROW

    def end(self) -> tuple[str, ...]:
        """A turn of the user has ended: gives its variables to the steps that follow.

        Requests that were made and never awaited are given up; their names are given back.

        Raises:
            TypeError: A variable is set to what declared steps cannot use.
        """
        given, variables = self._given, self.client.variables
        if variables != given:
            self._turn = None
            for name, value in variables.items():
                if given.get(name) != value:
                    self._port.set(name, _text_of(name, value))
        forgotten = self._port.pending()
        if not forgotten:
            return ()
        for each in forgotten:
            each.cancel()
        return tuple(each.name for each in forgotten)

    @property
    def was_failed(self) -> bool:
        """Whether a request of this turn was an error."""
        return self._port.faults > 0

    def failed(self, claim: str) -> None:
        """An `assert` of the user does not hold."""
        self._port.check(claim, False)  # noqa: FBT003 - as native code takes it


def _text_of(name: object, value: object) -> str:
    """A variable as declared steps see it."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a variable in c.variables is {kind_of(name)}: it must be a string")
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        raise TypeError(
            f'c.variables["{name}"] is {kind_of(value)} that is not JSON: give a string or what json.dumps takes, '
            "and keep what only your code uses in c.state"
        ) from None


class Instance(Protocol):
    """What a class of users makes."""

    c: Client


Made = TypeVar("Made", bound=Instance)


def instance_of(client: Client, user: type[Made]) -> Made:
    """The user itself, where it is an instance of a class: one for each client."""
    found: Made | None = client._instances.get(user)
    if found is None:
        found = client._instances[user] = user.__new__(user)
        found.c = client
        # Its attributes may be made by what `c` gives.
        found.__init__()  # type: ignore[misc]
    return found
