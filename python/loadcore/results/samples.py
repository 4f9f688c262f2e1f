"""Samples: what failures looked like, one of each kind, without secrets: the engine has hidden them.

During a run each is a line of `samples.jsonl`, so that a killed run keeps what it had; at the end all of them
are in the summary.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Kind = Literal["outcome", "status", "check", "extract", "token", "none"]
"""How a request failed; `none` if it did not, where all requests were wanted."""
Class = tuple[str, str, str, str, str]
"""Scenario, section, step, kind, and which: failures of one class are alike."""

MOST = 256
"""More classes than this are not kept."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as it was sent."""

    origin: str
    line: str
    headers: tuple[tuple[str, str], ...]
    body_bytes: int


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """What came back.

    Attributes:
        line: The status line; empty if what came is not HTTP.
        status: The status, if one came.
        headers: Names and values in their order.
        body: The beginning of the body, without chunk framing and decompressed.
        body_bytes: The size of the whole body on the wire, as far as it came.
        cut: Whether the body continues after the part shown.
        unreadable: Why the body is not shown, or not further, if it came in a way that loadcore cannot read.
    """

    line: str
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: str
    body_bytes: int
    cut: bool
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One failure, without secrets.

    Attributes:
        scenario: The scenario.
        section: `main`, `start` or `auth`.
        step: The step.
        kind: How it failed.
        what: The outcome, the status, the name of the check, or the variable.
        reason: Why, in words.
        user: The user's number, from 0.
        iteration: The user's iteration, from 0.
        ended_ns: When the request ended, since the run's start.
        request: What was sent, or would have been; None if it could not be made.
        response: What came back; None if nothing did.
    """

    scenario: str
    section: str
    step: str
    kind: Kind
    what: str
    reason: str
    user: int
    iteration: int
    ended_ns: int
    request: SentRequest | None
    response: ReceivedResponse | None

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Sample:
        """Read what the engine, a summary or `to_dict` says."""
        request, response = document["request"], document["response"]
        return cls(
            **{
                **document,
                "request": request and SentRequest(**{**request, "headers": _pairs(request["headers"])}),
                "response": response and ReceivedResponse(**{**response, "headers": _pairs(response["headers"])}),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    @property
    def of(self) -> Class:
        """Its class."""
        return (self.scenario, self.section, self.step, self.kind, self.what)


class Samples:
    """Gathers the samples of all workers, the first of each class.

    Args:
        path: Where they are written to at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workers: dict[Class, int] = {}
        self._kept: list[Sample] = []

    def add(self, worker: int, sample: Sample) -> None:
        """Keep a sample, unless another worker had one of its class before. A disk that does not take it loses it."""
        if self._workers.setdefault(sample.of, worker) != worker or len(self._kept) >= MOST:
            return
        self._kept.append(sample)
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(sample.to_dict()) + "\n")

    def __iter__(self) -> Iterator[Sample]:
        """All of them, the first first."""
        return iter(sorted(self._kept, key=lambda sample: sample.ended_ns))


def read(path: Path) -> list[Sample]:
    """The samples in a file; what a kill left half written at its end is left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found.append(Sample.from_dict(json.loads(line)))
    return found


def _pairs(headers: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers)
