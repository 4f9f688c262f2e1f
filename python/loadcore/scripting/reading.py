"""Responses as users read them: nothing is decoded before it is read, and everything only once.

A fault is a value: `status` is 0 and `error` says which. What never arrived raises when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from time import time
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, final

from loadcore.scripting.duration import Duration
from loadcore.scripting.failures import NoResponse, NotJson, UnexpectedStatus, ValueMissing
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING: Final[Any] = object()
_OF_OTHERS: Final = {
    "status_code": '"status"',
    "is_success": '"ok"',
    "is_error": '"ok"',
    "raise_for_status": '"raise_for_error"',
    "error_kind": '"error"',
    "time": '"service_time"',
    "latency": '"service_time" or "response_time"',
}
"""What httpx and requests call a response's parts. The engine's class has none of these names."""


@final
class Headers(Mapping[str, str]):
    """Header fields by name, in any case; the first of a name."""

    __slots__ = ("_by_name", "_names")

    def __init__(self, fields: Sequence[tuple[bytes, bytes]], /) -> None:
        self._names: list[str] = []
        self._by_name: dict[str, list[str]] = {}
        for name, value in fields:
            written = name.decode("latin-1")
            values = self._by_name.setdefault(written.lower(), [])
            if not values:
                self._names.append(written)
            values.append(value.decode("latin-1"))

    def __getitem__(self, name: str) -> str:
        values = self._by_name.get(name.lower())
        if values is None:
            raise ValueMissing(f"the response has no header {name}")
        return values[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Headers({dict(self)})"

    def get_list(self, name: str) -> list[str]:
        """All values of a name."""
        return list(self._by_name.get(name.lower(), ()))


class Reading:
    """What users read of a response, over the facts that the engine has of it.

    The engine's class beside it has all that is declared here. Whoever reads it before the response is there gets an
    error.
    """

    __slots__ = ()
    if TYPE_CHECKING:
        name: str
        status: int
        outcome: str | None
        ok: bool
        head: list[tuple[bytes, bytes]]
        body: bytes
        url: str
        service_ns: int
        response_ns: int
        ttfb_ns: int
        _content: bytes
        _headers: Headers
        _json: Any

        def find(self, path: str, /) -> str | None:
            """The first value at a JSONPath as JSON; None where there is none."""
            ...

    @property
    def error(self) -> str | None:
        """The outcome (`connect_refused`, …), or None where a complete response arrived, whatever its status."""
        outcome = self.outcome
        if outcome is None:
            self._complete()
        return outcome

    @property
    def headers(self) -> Headers:
        """The header fields."""
        try:
            return self._headers
        except AttributeError:
            self._headers = headers = Headers(self._arrived().head)  # type: ignore[misc]
            return headers

    @property
    def content(self) -> bytes:
        """The body, decompressed."""
        try:
            return self._content
        except AttributeError:
            self._content = content = self._arrived().body  # type: ignore[misc]
            return content

    @property
    def text(self) -> str:
        """The body in the encoding that `Content-Type` names, or in UTF-8."""
        charset = parameter(self.headers.get("Content-Type", ""), "charset") or "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self, path: str | None = None, /, default: Any = _MISSING) -> Any:  # noqa: ANN401 - JSON is anything
        """The body, or the first value at a JSONPath (RFC 9535), found without reading the rest into Python.

            cursor = page.json("$.next_cursor", default=None)

        Args:
            path: Where the value is. `null` counts as missing, as in an extract.
            default: What is given where there is none.

        Raises:
            NotJson: The body is not JSON.
            ValueMissing: Nothing is there, and there is no default.
            NoResponse: No response arrived.
        """
        if path is not None:
            return self._at(path, default)
        try:
            return self._json
        except AttributeError:
            self._json = self._parsed()
            return self._json

    def _parsed(self) -> Any:  # noqa: ANN401
        try:
            return json.loads(self.content)
        except ValueError:
            kind = self.headers.get("Content-Type", "without a type")
            # What cannot be decompressed is empty.
            if not self.content and (coding := self.headers.get("Content-Encoding")) is not None:
                kind += f", empty or not in the coding that it names: {coding}"
            raise NotJson(f"{self.name}: the body of the response is not JSON ({self.status}, {kind})") from None

    def _at(self, path: str, default: Any) -> Any:  # noqa: ANN401
        try:
            found = self._arrived().find(path)
        except ValueError:
            self._parsed()
            # It is JSON: the path is what cannot be read.
            raise
        if found is not None:
            return json.loads(found)
        if default is _MISSING:
            raise ValueMissing(f"{self.name}: nothing is at {path} of the response")
        return default

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that the response sets."""
        pairs = (line.partition(";")[0].partition("=") for line in self.headers.get_list("Set-Cookie"))
        return {name.strip(): value.strip() for name, _, value in pairs}

    @property
    def size(self) -> int:
        """The size of the body in bytes, decompressed."""
        return len(self.content)

    @property
    def service_time(self) -> Duration:
        """Send to last byte."""
        return Duration(self._arrived().service_ns)

    @property
    def elapsed(self) -> Duration:
        """The name that httpx has for `service_time`."""
        return self.service_time

    @property
    def response_time(self) -> Duration:
        """Due to last byte."""
        return Duration(self._arrived().response_ns)

    @property
    def ttfb(self) -> Duration:
        """Send to first byte."""
        return Duration(self._arrived().ttfb_ns)

    @property
    def retry_after(self) -> Duration | None:
        """What `Retry-After` says, in seconds or as a date; None where there is none. Never below zero."""
        said = self.headers.get("Retry-After", "").strip()
        try:
            seconds = int(said) if said.isdecimal() else _date_s(said) - time()
        except ValueError:
            return None
        return Duration(max(0, int(seconds * 1_000_000_000)))

    def raise_for_error(self) -> Self:
        """Ends the iteration as failed unless `ok`; else the response itself.

        Raises:
            NoResponse: No response arrived.
            UnexpectedStatus: Its status is not one that `expect` names.
        """
        if not self.ok:
            raise UnexpectedStatus(f"{self.name}: the status is {self._arrived().status}")
        return self

    def _arrived(self) -> Self:
        """The response itself, if it arrived."""
        if self.outcome is not None:
            raise NoResponse(f"{self.name}: no response: {self.outcome}", self.outcome)
        self._complete()
        return self

    def _complete(self) -> None:
        """Make sure that it is there: the status of a request that was not awaited raises."""
        _ = self.status

    def __repr__(self) -> str:
        """`<201 POST /carts 12.3 ms 84 B>`, `<connect_refused GET /x>`."""
        if self.outcome is not None:
            return f"<{self.outcome} {self.name}>"
        try:
            self._complete()
        except RuntimeError:
            return f"<{self.name}, not awaited>"
        return f"<{self.status} {self.name} {self.service_time} {len(self.body)} B>"


class _OfOthers:
    """An attribute that only others have: reading it says what it is called here."""

    __slots__ = ("_message",)

    def __init__(self, message: str, /) -> None:
        self._message = message

    def __get__(self, response: object, kind: type | None = None, /) -> NoReturn:
        raise AttributeError(self._message)


def no_attribute(name: str) -> str:
    """The message about an attribute that a response does not have."""
    known = [each for each in dir(Reading) if not each.startswith("_") and each not in _OF_OTHERS]
    return f'a response has no "{name}"{did_you_mean(name, known, _OF_OTHERS)}'


# Not `__getattr__`: a class that has it reads all of its attributes by a slow way.
for _each in _OF_OTHERS:
    setattr(Reading, _each, _OfOthers(no_attribute(_each)))


def parameter(value: str, name: str) -> str | None:
    """A parameter of a header's value: the `utf-8` of `text/html; charset=utf-8`."""
    for each in value.split(";")[1:]:
        key, _, said = each.partition("=")
        if key.strip().lower() == name:
            return said.strip().strip('"')
    return None


def _date_s(said: str) -> float:
    """A date as HTTP writes it, in seconds since the epoch."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few servers say a date, and every run would wait

    return parsedate_to_datetime(said).timestamp()
