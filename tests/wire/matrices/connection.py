"""Which connections are kept, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import OK, STATUS_LINE, Case, case

if TYPE_CHECKING:
    from collections.abc import Iterator


def persistence() -> Iterator[Case]:
    """RFC 9112, 9.3: which connection outlives its response."""
    options = {
        "none": ("", False, False),
        "keep-alive": ("Connection: keep-alive\r\n", True, False),
        "Keep-Alive": ("Connection: Keep-Alive\r\n", True, False),
        "close": ("Connection: close\r\n", False, True),
        "CLOSE": ("CONNECTION:\tCLOSE\t\r\n", False, True),
        "close-keep-alive": ("Connection: close, keep-alive\r\n", True, True),
        "keep-alive-close": ("Connection: keep-alive,close\r\n", True, True),
        "two-lines": ("Connection: keep-alive\r\nConnection: close\r\n", True, True),
        "other": ("Connection: upgrade\r\n", False, False),
        "other-close": ("Connection: upgrade , close\r\n", False, True),
        "close-like": ("Connection: closed, xclose, close=1\r\n", False, False),
        "keep-alive-like": ("Connection: keep-alives, keepalive\r\n", False, False),
        "empty": ("Connection:\r\n", False, False),
        "commas": ("Connection: ,, close ,\r\n", False, True),
        "quoted": ('Connection: "close"\r\n', False, False),
        "proxy": ("Proxy-Connection: close\r\n", False, False),
    }
    bodies = {
        "length": ("Content-Length: 2\r\n\r\nok", "1.0 1.1"),
        "chunked": ("Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "1.1"),
    }
    for name, (lines, keep_alive, close) in options.items():
        for framing, (rest, versions) in bodies.items():
            for version in versions.split():
                reusable = not close and (keep_alive or version == "1.1")
                response = f"HTTP/{version} 200 OK\r\n{lines}{rest}"
                expectation = OK | {"reusable": reusable}
                yield case(
                    f"persist-{name}-{framing}-{version}", "RFC 9112 9.3; behaviour 23, 25", response, expectation
                )


def keep_alive_hints() -> Iterator[Case]:
    """RFC 2068, 19.7.1.1: `Keep-Alive` is a hint, so what cannot be read is not there."""
    hints = {
        "timeout=5": 5,
        "timeout=5, max=100": 5,
        "max=100, timeout=7": 7,
        "max=100,timeout=7": 7,
        "timeout=5;max=3": 5,
        "Timeout=5": 5,
        "timeout = 5": 5,
        " timeout=60 ": 60,
        "timeout=0": 0,
        "timeout=005": 5,
        "timeout=65535": 65535,
        "timeout=65536": 65535,
        "timeout=99999999999": 65535,
        "timeout=99999999999999999999": None,
        "timeout=": None,
        "timeout": None,
        "timeout=abc": None,
        "timeout=-1": None,
        "timeout=+1": None,
        "timeout=1.5": None,
        "timeout=5s": None,
        'timeout="5"': None,
        "xtimeout=5": None,
        "max=5": None,
        "5": None,
        "": None,
        "=5": None,
        ",,=,": None,
    }
    for index, (value, seconds) in enumerate(hints.items()):
        response = f"{STATUS_LINE}Keep-Alive: {value}\r\nContent-Length: 2\r\n\r\nok"
        yield case(f"keep-alive-{index}", "RFC 2068 19.7.1.1", response, OK | {"keep_alive_timeout": seconds})
