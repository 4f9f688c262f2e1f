"""A body that comes piece by piece: cut into lines, read as events. Pure: nothing here waits."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder, lookup
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from loadcore.scripting.duration import Duration

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    Attributes:
        event: Its type: `message` where it names none.
        data: Its lines of data, joined by line ends.
        id: The last id that the stream has named, of this event or one before; empty until then.
        at: When the piece arrived that completed it, counted from when the request was sent.
    """

    event: str
    data: str
    id: str
    at: Duration

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """Its data as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.data)


class Lines:
    """Cuts a body into lines, which end with LF, CR or both.

    Args:
        charset: Of the body; one that is not known is taken for UTF-8.
    """

    def __init__(self, charset: str) -> None:
        try:
            lookup(charset)
        except LookupError:
            charset = "utf-8"
        self._decoder = getincrementaldecoder(charset)("replace")
        self._rest = ""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that this piece completes, without their ends."""
        return self._cut(self._decoder.decode(piece), is_last=False)

    def end(self) -> list[str]:
        """What was not ended by a line end."""
        lines = self._cut(self._decoder.decode(b"", final=True), is_last=True)
        return [*lines, self._rest] if self._rest else lines

    def _cut(self, text: str, *, is_last: bool) -> list[str]:
        text = self._rest + text
        # An LF may follow that belongs to it.
        held = "\r" if text.endswith("\r") and not is_last else ""
        *lines, rest = _LINE_END.split(text.removesuffix(held))
        self._rest = rest + held
        return lines


class Events:
    """Reads the lines of a stream of server-sent events, as the HTML standard says."""

    def __init__(self) -> None:
        self._type = self._id = ""
        self._data: list[str] = []
        self._is_first = True

    def feed(self, line: str) -> tuple[str, str, str] | None:
        """Type, data and id of the event that this line completes, if it completes one."""
        if self._is_first:
            line, self._is_first = line.removeprefix("\ufeff"), False
        if not line:
            event = (self._type or "message", "\n".join(self._data), self._id) if self._data else None
            self._type, self._data = "", []
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._id = value
        return None
