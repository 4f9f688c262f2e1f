"""A Locust file whose users read responses while they come, and note what they see: for Locust itself and for loadcore.

The notes go to the file that `NOTES` names, as JSON: what each way of reading gave, and what `events.request` got.
When both users are done, one of them reads a stream without end while the run ends.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from locust import FastHttpUser, HttpUser, constant, events, task

if TYPE_CHECKING:
    from collections.abc import Callable

SEEN: dict[str, str] = {}
TOLD: dict[str, list[list[Any]]] = {}
DONE: list[str] = []


@events.request.add_listener
def told(name: str, response_length: int, exception: Exception | None, **_: Any) -> None:
    """Note what each request is reported with."""
    TOLD.setdefault(name, []).append([response_length, type(exception).__name__])


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    """Write the notes."""
    total = environment.stats.total
    notes = {"seen": SEEN, "told": TOLD, "requests": total.num_requests, "failures": total.num_failures}
    Path(os.environ["NOTES"]).write_text(json.dumps(notes), encoding="utf-8")


def see(name: str, read: Callable[[], Any]) -> None:
    """Note what reading gives, or that it is killed."""
    try:
        with gevent.Timeout(60):
            SEEN[name] = repr(read())
    except gevent.GreenletExit:
        SEEN[name] = "killed"
        raise
    except (Exception, gevent.Timeout) as error:  # noqa: BLE001 - that is what is noted
        SEEN[name] = type(error).__name__


def first(parts: Any, count: int) -> list[Any]:
    """The first parts of an iterator, which is left then."""
    return [part for part, _ in zip(parts, range(count), strict=False)]


class Usual(HttpUser):
    """Reads in all the ways of `requests`."""

    wait_time = constant(600)

    def get(self, name: str, path: str, **options: Any) -> Any:
        """A request whose response is read while it comes."""
        return self.client.get(path, name=name, stream=True, **options)

    @task
    def read(self) -> None:
        """Each way once."""
        get = self.get
        see("lines", lambda: list(get("lines", "/few").iter_lines()))
        see("bytes", lambda: list(get("bytes", "/few").iter_content(1)))
        see("pieces", lambda: b"".join(get("pieces", "/few").iter_content(None)))
        see("content", lambda: get("content", "/few").content)
        see("data", lambda: get("data", "/few").raw.data)
        see("raw", self.raw)
        see("raw line", lambda: [get("raw line", "/few").raw.readline()])
        see("unzipped", lambda: get("unzipped", "/gzip").text)
        see("unzipped lines", lambda: list(get("unzipped lines", "/gzip").iter_lines(3)))
        see("not unzipped", lambda: get("not unzipped", "/gzip").raw.read()[:2])
        see("until close", lambda: list(get("until close", "/until-close").iter_lines()))
        see("empty", lambda: list(get("empty", "/empty").iter_lines()))
        see("with a length", lambda: list(get("with a length", "/whole").iter_content(2)))
        see("head", lambda: self.client.head("/whole", name="head", stream=True).content)
        see("moved", lambda: get("moved", "/moved").content)
        see("moves", lambda: get("moves", "/moved", allow_redirects=False).status_code)
        see("big", lambda: sum(map(len, get("big", "/big").iter_content(65_536))))
        see("broken", lambda: list(get("broken", "/broken").iter_lines()))
        see("broken content", lambda: get("broken content", "/broken").content)
        see("silent", lambda: list(get("silent", "/silent", timeout=3).iter_lines()))
        see("refused", lambda: get("refused", "http://127.0.0.1:1/").status_code)
        self.leave()
        DONE.append("usual")
        endless = get("killed", "/endless")
        see("killed", lambda: first(endless.iter_lines(), 1_000_000))

    def raw(self) -> list[bytes]:
        """A response read below `requests`, which says how much it wants."""
        raw = self.get("raw", "/few").raw
        return [raw.read(size) for size in (4, 0, 10_000, 1)]

    def leave(self) -> None:
        """Streams without end, left in all ways; and blocks that decide before or after they are read."""
        get = self.get
        see("some", lambda: first(get("some", "/endless").iter_lines(), 6))
        see("unread", lambda: get("unread", "/endless").status_code)
        see("unread error", lambda: get("unread error", "/busy").status_code)
        see("closed", lambda: get("closed", "/endless").close())
        see("given up", self.give_up)
        see("failed", lambda: self.decide("failed", "/endless", is_failure=True))
        see("fine", lambda: self.decide("fine", "/busy", is_failure=False))
        see("failed first", lambda: self.decide("failed first", "/few", is_failure=True, reads_after=True))
        see("fine first", lambda: self.decide("fine first", "/few", is_failure=False, reads_after=True))

    def give_up(self) -> list[bytes]:
        """Read for as long as one has patience."""
        lines: list[bytes] = []
        with gevent.Timeout(0.5, exception=False):
            lines.extend(self.get("given up", "/silent").iter_lines())
        return lines

    def decide(self, name: str, path: str, *, is_failure: bool, reads_after: bool = False) -> Any:
        """What a block says, before its response is read or after some of it."""
        with self.get(name, path, catch_response=True) as response:
            lines = response.iter_lines()
            seen = [] if reads_after else first(lines, 3)
            if is_failure:
                response.failure("enough")
            else:
                response.success()
        return seen or response.content


class Fast(FastHttpUser):
    """Reads in the ways of geventhttpclient."""

    wait_time = constant(600)

    def get(self, name: str, path: str, **options: Any) -> Any:
        """A request whose response is read while it comes."""
        return self.client.get(path, name=name, stream=True, **options)

    @task
    def read(self) -> None:
        """Each way once; then have the run end."""
        get = self.get
        see("fast lines", lambda: list(self.client.iter_lines("/few", name="fast lines")))
        see("fast pieces", lambda: list(get("fast pieces", "/few").iter_content(10)))
        see("fast content", lambda: get("fast content", "/few").content)
        see("fast blocks", lambda: list(get("fast blocks", "/few")))
        see("fast unzipped", lambda: get("fast unzipped", "/gzip").text)
        see("fast parts", self.parts)
        see("fast until close", lambda: get("fast until close", "/until-close").content)
        see("fast empty", lambda: get("fast empty", "/empty").content)
        see("fast with a length", lambda: list(get("fast with a length", "/whole").iter_content(2)))
        see("fast moved", lambda: get("fast moved", "/moved").content)
        see("fast broken", lambda: get("fast broken", "/broken").content)
        see("fast some", lambda: first(get("fast some", "/endless").iter_content(20), 3))
        see("fast unread", lambda: get("fast unread", "/endless").status_code)
        see("fast released", lambda: get("fast released", "/endless").release())
        see("fast failed", self.fail)
        while not DONE:
            gevent.sleep(0.01)
        gevent.spawn_later(0.2, self.environment.runner.quit)

    def parts(self) -> list[bytes]:
        """A response read in several ways by turns."""
        response = self.get("fast parts", "/few")
        return [response.read(4), response._response.readline(b"\n"), response.readline(), response.read()]

    def fail(self) -> bytes:
        """A block that fails a stream without end."""
        with self.get("fast failed", "/endless", catch_response=True) as response:
            part: bytes = response.read(50)
            response.failure("enough")
        return part
