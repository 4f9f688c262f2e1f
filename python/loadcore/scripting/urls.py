"""URLs of calls: `c.get("/items/{id}", 7)` asks for `/items/7` and is called `GET /items/{id}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from loadcore.plan.names import default_name
from loadcore.scenario.values import Env
from loadcore.wording.kinds import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.scenario.values import Text

_SLOT: Final = re.compile(r"\{\{|\}\}|\{([^{}:]*)(:raw)?\}|[{}]")
# What RFC 3986 has in a URL, and the percent sign of what is encoded already.
_OF_URLS: Final = ":/?#[]@!$&'()*+,;=%~"
_MOST_KEPT: Final = 4_096


class Url:
    """A URL as it is written in a call, read once.

    Attributes:
        names: Of steps, by method.
        slots: The number of values that it takes.
    """

    __slots__ = ("_encodes", "_pieces", "_written", "names", "slots")

    def __init__(self, written: str) -> None:
        if not isinstance(written, str):
            raise TypeError(f'the URL is {shown(written)}: it must be a string such as "/items"')
        self._written = written
        self.names: dict[str, str] = {}
        self._pieces, self._encodes = _read(written)
        self.slots = len(self._encodes)

    def name(self, method: str) -> str:
        """What a step of this method is called."""
        name = self.names.get(method)
        if name is None:
            name = self.names[method] = default_name(method, self._written)
        return name

    def fill(self, method: str, values: Sequence[Text]) -> str:
        """The URL with these values in its braces, in their order.

        Raises:
            TypeError: There are more or fewer values than braces.
        """
        if len(values) != self.slots:
            raise TypeError(self._miscounted(method, len(values)))
        pieces = self._pieces
        if not values:
            return pieces[0]
        parts = [pieces[0]]
        for value, encodes, piece in zip(values, self._encodes, pieces[1:], strict=True):
            written = text_of(value)
            parts.append(written if written.isalnum() and written.isascii() else _encoded(written, whole=encodes))
            parts.append(piece)
        return "".join(parts)

    def _miscounted(self, method: str, given: int) -> str:
        call = f"c.{method.lower()}({self._written!r})"
        if not self.slots:
            return f"{call} has no {{}} to put the value in, and got {_counted(given)}"
        return f"{call} takes {_counted(self.slots)} for its braces, and got {given}"


def url_of(written: str) -> Url:
    """The URL as it is written in a call."""
    url = _kept.get(written)
    if url is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
            plain_gets.clear()
        url = _kept[written] = Url(written)
    return url


plain_gets: dict[str, tuple[str, str, str]] = {}
"""What a GET without values sends, by a URL that is kept: its name, its method and its URL."""
_kept: dict[str, Url] = {}
"""What was read before. A script that makes its URLs by itself has any number of them."""


def text_of(value: Text) -> str:
    """A value as it is sent."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Env():
            return value.value
    raise TypeError(f"a {type(value).__name__} cannot be part of a request: give a string or a number")


def _read(written: str) -> tuple[list[str], list[bool]]:
    """The pieces between braces, and of each pair of braces whether its value is encoded."""
    url = written.partition("#")[0]
    # As with httpx, a path may be written without the slash that joins it to the base URL.
    if not url.startswith(("/", "{")) and "://" not in url:
        url = f"/{url}"
    pieces, encodes, at = [""], [], 0
    for found in _SLOT.finditer(url):
        pieces[-1] += _encoded(url[at : found.start()], whole=False)
        at = found.end()
        match found[0]:
            case "{{" | "}}":
                pieces[-1] += quote(found[0][0])
            case "{" | "}":
                raise TypeError(f'the URL "{written}" has a brace without its counterpart: write {{{{ for a brace')
            case _:
                encodes.append(found[2] is None)
                pieces.append("")
    pieces[-1] += _encoded(url[at:], whole=False)
    return pieces, encodes


def _encoded(text: str, *, whole: bool) -> str:
    """Percent-encoded: everything that means something in a URL, or only what cannot be in one."""
    return quote(text, safe="" if whole else _OF_URLS)


def _counted(number: int) -> str:
    return f"{number} value{'' if number == 1 else 's'}"
