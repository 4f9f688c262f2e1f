"""Addresses as they are given when a run is started: what is wrong with one is a bad argument."""

from __future__ import annotations

from urllib.parse import urlsplit

from loadcore.wording.kinds import shown


def parse_base_url(value: object) -> str:
    """The address of an HTTP server, as it was written.

    Raises:
        ValueError: It is none; the message says what to write.
    """
    if not isinstance(value, str):
        message = f'{shown(value)} is not a base URL: write it as "http://127.0.0.1:8080"'
        raise ValueError(message)  # noqa: TRY004 - callers handle one kind of error
    refuse_odd(value)
    scheme, separator, rest = value.partition("://")
    if not separator:
        raise ValueError(f"a base URL starts with http:// or https://: write http://{value.rpartition('@')[2]}")
    if scheme not in {"http", "https"} or not rest.strip("/"):
        raise ValueError("a base URL starts with http:// or https:// and names a host")
    return value


def refuse_odd(url: str) -> None:
    """Refuses what the parser of URLs would pass over: control characters, an empty port, one that is none.

    Nothing of the URL is repeated: parts of it may be secret.

    Raises:
        ValueError: It holds one of these; the message says what to do.
    """
    odd = next((character for character in url if ord(character) < ord(" ") or character == "\x7f"), None)
    if odd is not None:
        raise ValueError(f"the URL holds the control character U+{ord(odd):04X}: leave it out")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the port or the address in brackets is not valid: write http://host:8080") from None
    if parts.scheme in {"http", "https"} and (port == 0 or parts.netloc.endswith(":")):
        raise ValueError("the port is missing behind the colon: write http://host:8080, or leave the colon out")
