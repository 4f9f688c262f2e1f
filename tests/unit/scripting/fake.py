"""A user without an engine: requests are answered from a table, pauses take no time, and everything is kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadcore.scripting.client import Driver
from loadcore.scripting.iteration import Ended, end_turn
from loadcore.scripting.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.scenario.step import Script


class Answer(Reading, asyncio.Future[Any]):
    """A request that is answered from a table once the loop comes round."""

    def __init__(self, name: str, url: str, answer: Any) -> None:
        super().__init__()
        self.name, self.url = name, url
        self.outcome: str | None = answer if isinstance(answer, str) else None
        status, headers, body = (0, {}, None) if isinstance(answer, str) else answer
        self.status = status
        self.ok = self.outcome is None and status < 400
        self.head = [(key.encode(), value.encode()) for key, value in headers.items()]
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.service_ns, self.response_ns, self.ttfb_ns = 12_300_000, 15_000_000, 9_000_000
        self.get_loop().call_soon(self._arrive)
        self.was_awaited = False

    def _arrive(self) -> None:
        if not self.done():
            self.set_result(self)

    def __await__(self) -> Any:
        self.was_awaited = True
        return super().__await__()

    def find(self, path: str, /) -> str | None:
        """The value at `$.a.b`."""
        found = json.loads(self.body)
        for name in path.removeprefix("$").strip(".").split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return None if found is None else json.dumps(found)


@dataclass
class Sent:
    """A request that was made."""

    name: str
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    options: dict[str, Any]


@dataclass
class Fake:
    """A user as an engine would know it."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    """By URL: a status, headers and body, or an outcome."""
    number: int = 3
    sent: list[Sent] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)
    checked: list[tuple[str, bool]] = field(default_factory=list)
    grouped: list[tuple[str, bool]] = field(default_factory=list)
    rows: list[tuple[str, str, bool]] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    aborted: str | None = None
    made: list[Answer] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many requests were errors."""
        return sum(not each.ok for each in self.made if each.done())

    def send(self, name: str, method: str, url: str, headers: Any = (), body: Any = None, **options: Any) -> Any:
        """Answers a request."""
        self.sent.append(Sent(name, method, url, headers, body, options))
        self.made.append(Answer(name, url, self.answers.get(url.partition("?")[0], (200, {}, {}))))
        return self.made[-1]

    async def wait(self, ns: int) -> None:
        """Takes no time."""
        self.waited.append(ns)

    def pending(self) -> Sequence[Answer]:
        """Requests that were never awaited."""
        return [each for each in self.made if not each.was_awaited and not each.done()]

    def check(self, name: str, held: bool) -> None:
        """Keeps a check."""
        self.checked.append((name, held))

    def group(self, name: str, duration_ns: int, ok: bool) -> None:
        """Keeps a group."""
        assert duration_ns >= 0
        self.grouped.append((name, ok))

    def row(self, name: str, kind: str, started_ns: int, duration_ns: int, size: int = 0, error: bool = False) -> None:
        """Keeps a row."""
        assert (started_ns, size) == (7, 0)
        assert duration_ns >= 0
        self.rows.append((name, kind, error))

    def set(self, name: str, value: str) -> None:
        """Keeps a variable."""
        self.changed[name] = value

    def now_ns(self) -> int:
        """The time stands still."""
        return 7

    def abort(self, reason: str) -> None:
        """Keeps why the run was ended."""
        self.aborted = reason


@dataclass
class Turn:
    """An iteration."""

    iteration: int = 5
    variables: Mapping[str, str] = field(default_factory=dict)


def driver(fake: Fake, **variables: str) -> Driver:
    """The driver of a user whose turn has begun."""
    made = Driver(fake, fake, scenario="shop", seed=1)
    made.begin(Turn(variables=variables))
    return made


def run(script: Script, fake: Fake, *, is_cut: bool = False, **variables: str) -> Ended:
    """Runs a user's code once, or what of it runs until it is cut short."""

    async def turn() -> Ended:
        driven = driver(fake, **variables)
        try:
            await script(driven.client)
        except BaseException as error:  # noqa: BLE001 - as of a user
            return end_turn(driven, error, is_cut=is_cut)
        return end_turn(driven, None)

    return asyncio.run(turn())
