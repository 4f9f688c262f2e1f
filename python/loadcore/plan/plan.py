"""A plan in hand: its name, its digest, its text for the engine, its steps."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.plan.redaction import redact
from loadcore.plan.walk import every_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.engine import Description
    from loadcore.plan.document import PlanDocument

VERSION = 1
"""The version of the plan that is written."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A run, ready to be handed to the engine. It holds secrets: what is shown or stored is `redacted()`."""

    document: PlanDocument
    """The plan's fields; not to be changed."""
    description: Description | None = None
    """What the engine says that it will do; None until it was asked: see `loadcore.plan.checked`."""

    @property
    def name(self) -> str:
        """What the run is called in reports."""
        return self.document["name"]

    @property
    def seed(self) -> int:
        """Where every random choice of the run comes from."""
        return self.document["seed"]

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the seed, in hexadecimal: two runs of the same plan have the same."""
        return hashlib.sha256(_json({**self.document, "seed": 0}).encode()).hexdigest()

    @property
    def comparable_digest(self) -> str:
        """As `digest`, whatever it is called and the targets' addresses are: runs that share it did the same."""
        urls = list(dict.fromkeys(scenario["base_url"] for scenario in self.document["scenarios"]))
        text = _json({**self.document, "seed": 0, "name": ""})
        for url in sorted(urls, key=len, reverse=True):
            text = text.replace(json.dumps(url, ensure_ascii=False)[1:-1], f"<base_url {urls.index(url)}>")
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """What the engine reads. The same declarations and seed always give the same text."""
        return _json(self.document)

    def redacted(self) -> dict[str, Any]:
        """A copy that may be shown and stored: without secrets, tokens, passwords, cookies or rows of test data."""
        return redact(self.document)

    def steps(self) -> list[tuple[str, str]]:
        """Scenario and name of every step that has a row in results: requests, and the token calls of what they use.

        Of users in Python those that their source shows.
        """
        return list(dict.fromkeys(_steps(self.document)))

    def scripted(self) -> set[str]:
        """The scenarios with users in Python: what their steps are called is known in the end only."""
        scenarios = self.document["scenarios"]
        return {each["name"] for each in scenarios if any(step["kind"] == "script" for step in every_step(each))}


def _json(document: PlanDocument | dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _steps(document: PlanDocument) -> Iterator[tuple[str, str]]:
    token_calls = dict(_token_calls(document))
    for scenario in document["scenarios"]:
        used = {scenario["auth"]} if "auth" in scenario else set()
        for step in every_step(scenario):
            if step["kind"] == "request":
                yield scenario["name"], step["name"]
                used |= {step["auth"]} if "auth" in step else set()
            elif step["kind"] == "script":
                yield from ((scenario["name"], name) for name in document["scripts"][step["script"]]["calls"])
        yield from ((scenario["name"], step) for auth, step in token_calls.items() if auth in used)


def _token_calls(document: PlanDocument) -> Iterator[tuple[str, str]]:
    """Each way to authenticate that has token calls, and what their step is called."""
    for auth in document["auth"]:
        way = auth["way"]
        if "step" in way:
            yield auth["name"], way["step"]
        elif "request" in way:
            yield auth["name"], way["request"]["name"]
