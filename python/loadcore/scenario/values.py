"""What the values of a request may be: strings, numbers, and secrets of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from loadcore.errors import Problem, ScenarioError
from loadcore.scenario.place import here


@dataclass(frozen=True, slots=True)
class Env:
    """A secret that is read from the environment when the run starts. No file contains it.

    As a string it is a variable, `{$env.NAME}`, so that it may be part of any string of a request.
    """

    name: str

    def __str__(self) -> str:
        return f"{{$env.{self.name}}}"

    @property
    def value(self) -> str:
        """The secret itself, for code of yours that needs it, such as a signature.

        Raises:
            ScenarioError: The variable is not set.
        """
        found = os.environ.get(self.name)
        if not found:
            at = here()
            problem = Problem(f"the environment variable {self.name} is not set", at=str(at) if at else None)
            raise ScenarioError([problem])
        return found


Secret: TypeAlias = str | Env
"""A string, which may hold `{variables}` of the user, or `env("NAME")`."""
Text: TypeAlias = str | int | float | bool | Env
Fields: TypeAlias = Mapping[str, Text | Sequence[Text]]
"""Names and values; a list of values repeats the name."""


def env(name: str) -> Env:
    """A secret from the environment, read when the run starts. It is not written to any file, log or report.

        bearer(env("GATEWAY_TOKEN"))
        get("/items", headers={"X-Shop-Key": env("SHOP_KEY")})
        post("/login", json={"user": "me", "password": env("PASSWORD")})
        get("/items", headers={"Authorization": f"Key {env('SHOP_KEY')}"})

    Args:
        name: The variable's name. One that is not set, or empty, is an error before the run.
    """
    return Env(name)
