"""A scenario that is not written yet: what an import found, before it becomes Python."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NewType, TypeAlias

Template = NewType("Template", str)
"""A string as scenarios have it: `{name}` is a variable, `{{` a brace. Only `plain` and `variable` make one."""
Json: TypeAlias = "bool | int | float | Template | list[Json] | dict[Template, Json] | None"

_DEEPEST = 60


def plain(text: str) -> Template:
    """A string of the file, which holds no variables whatever it looks like."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Template(whole.replace("{", "{{").replace("}", "}}"))


def variable(name: str, how: str = "") -> Template:
    """A variable of the scenario."""
    return Template(f"{{{name}:{how}}}" if how else f"{{{name}}}")


def from_env(name: str) -> Template:
    """A variable of the environment."""
    return Template(f"{{$env.{name}}}")


def joined(*parts: Template) -> Template:
    """Several templates as one."""
    return Template("".join(parts))


def templated(value: Any, depth: int = 0) -> Json:  # noqa: ANN401 - any JSON
    """JSON of the file, without variables.

    Raises:
        ValueError: It is nested too deep, or holds a number that JSON does not have.
    """
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    match value:
        case str():
            return plain(value)
        case list():
            return [templated(each, depth + 1) for each in value]
        case dict():
            return {plain(str(name)): templated(each, depth + 1) for name, each in value.items()}
        case float() if not math.isfinite(value):
            raise ValueError("not a number of JSON")
        case None | bool() | int() | float():
            return value
    return plain(str(value))


Pairs: TypeAlias = list[tuple[Template, Template]]


@dataclass(slots=True)
class Extract:
    """Where in a response a variable comes from."""

    kind: str
    """`json`, `header` or `regex`."""
    where: str
    default: str | None = None


@dataclass(slots=True)
class Part:
    """A file of a form: from the disk, or as it was recorded."""

    name: Template
    filename: str
    content_type: str | None = None
    content: bytes | None = None


@dataclass(slots=True)
class Body:
    """A body; at most one of `json`, `form` with `parts`, and `content` is set."""

    json: Json = None
    has_json: bool = False
    form: Pairs = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    multipart: bool = False
    """Whether a form without files is `multipart/form-data` all the same."""
    content: Template | None = None
    content_type: str | None = None


@dataclass(slots=True)
class Auth:
    """A way to authenticate, as the function that declares it and its arguments."""

    function: str
    """`bearer`, `basic`, `api_key`, `oauth2_password`, `oauth2_client_credentials`, `login` or `anonymous`."""
    arguments: list[Template] = field(default_factory=list)
    options: dict[str, Template] = field(default_factory=dict)
    request: Call | None = None
    """The request of a `login`."""
    token: Extract | None = None


@dataclass(slots=True)
class Call:
    """A request."""

    method: str
    url: Template
    name: str | None = None
    params: Pairs = field(default_factory=list)
    headers: list[tuple[str, Template]] = field(default_factory=list)
    body: Body = field(default_factory=Body)
    auth: Auth | None = None
    expect: int | None = None
    follow_redirects: bool = True
    timeout: str | None = None
    extract: dict[str, Extract] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Think:
    """A pause, in milliseconds."""

    milliseconds: int


@dataclass(slots=True)
class Group:
    """Steps under one name."""

    name: str
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Remark:
    """A step that was left out, and why."""

    text: str


Step: TypeAlias = Call | Think | Group | Remark


@dataclass(slots=True)
class Draft:
    """One scenario."""

    name: str
    base_url: str | None = None
    load: str | None = None
    """The load model, as Python."""
    load_functions: set[str] = field(default_factory=set)
    start_after: str | None = None
    graceful_stop: str | None = None
    auth: Auth | None = None
    headers: list[tuple[str, Template]] = field(default_factory=list)
    on_start: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    row: dict[str, str] = field(default_factory=dict)
    """Variables that the file has values for; they become one row of a feeder."""
    insecure: bool = False
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What was taken over, and what was not."""

    unit: str = "requests"
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reasons, by how often."""
    notes: list[str] = field(default_factory=list)
    """What else the user must know."""

    def note(self, text: str) -> None:
        """Adds a note once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(slots=True)
class Imported:
    """A file of scenarios, and what to say about it."""

    drafts: list[Draft]
    report: Report
    thresholds: list[str] = field(default_factory=list)
    aborting: dict[str, str] = field(default_factory=dict)
    """Thresholds that end the run, and after how long."""
    comments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of the environment that the scenario reads, and what each is."""


def calls_of(steps: list[Step]) -> list[Call]:
    """The requests among steps, those of groups too."""
    found: list[Call] = []
    for step in steps:
        if isinstance(step, Call):
            found.append(step)
        elif isinstance(step, Group):
            found += calls_of(step.steps)
    return found
