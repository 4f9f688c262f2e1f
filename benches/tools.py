"""Programs that the benches need from the distribution, and what to say when one is not there."""

from __future__ import annotations

import shutil

PACKAGES = {
    "strace": "strace",
    "valgrind": "valgrind",
    "callgrind_annotate": "valgrind",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "taskset": "util-linux",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "hey": "hey",
    "ab": "apache2-utils",
}
"""Debian packages by the program wanted from them."""


class MissingToolError(Exception):
    """A program is not installed; the message says how to get it."""


def find(name: str) -> str:
    """Path of a program.

    Raises:
        MissingToolError: It is not installed.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise MissingToolError(f"{name} is missing: apt-get install {PACKAGES.get(name, name)}")
    return path
