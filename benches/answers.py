"""The answers that a request's cost is measured for. Both nullsrv and nginx give them, with the same fields and body.

A client that recognises a head it has seen before pays less for one that never changes; servers in production send
another head each time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a server sends.

    Attributes:
        name: For options and files.
        path: What is asked for.
        title: What it is called in tables.
    """

    name: str
    path: str
    title: str


CONSTANT = Answer("constant", "/", "constant head")
UNIQUE = Answer("unique", "/unique", "one unique X-Request-Id")
REALISTIC = Answer("realistic", "/realistic", "13 fields, unique id, moving Date")
API = Answer("api", "/api", "13 fields, 1 KiB of JSON")
ANSWERS = {answer.name: answer for answer in (CONSTANT, UNIQUE, REALISTIC, API)}
