"""Looking at a response: values to check and to extract.

`response` stands for the response of the request it is written in. A value of it, compared, is a check; a value of it
on its own is what `extract` takes:

    get(
        "/items",
        checks=[response.status == 200, response.json("$.total") > 0, response.service_time < "500ms"],
        extract={"item_id": response.json("$.items[0].id"), "tag": response.header("ETag").default("")},
    )
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, final

from loadcore.errors import Problem, ScenarioError
from loadcore.scenario.place import Place, here
from loadcore.scenario.step import declares

Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Scalar: TypeAlias = str | int | float | bool | None
StatusClass: TypeAlias = Literal["1xx", "2xx", "3xx", "4xx", "5xx"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a value compares, and with what."""

    operator: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a kind, and what it needs to know."""

    kind: Literal["status", "header", "json", "contains", "regex", "size", "service_time", "variable"]
    argument: str = ""
    pick: Literal["first", "random", "all"] = "first"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a value exists or compares as said. It is true or false only while the run looks at a response."""

    subject: Subject
    compare: Comparison | None = None
    any_of: tuple[int | StatusClass, ...] = ()

    def __bool__(self) -> bool:
        """Refused: `a < response.size < b`, `and`, `or` and `not` ask for the truth now."""
        at = here()
        message = "a claim about a response has no truth value while it is written"
        hint = "write two checks instead of a chained comparison, `and` or `or`"
        raise ScenarioError([Problem(message, at=str(at) if at else None, hint=hint)])


@dataclass(frozen=True, slots=True)
class Check:
    """A claim with a name of its own, or one that ends the iteration."""

    claim: Claim
    name: str | None
    stop: bool
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Default:
    """A value to extract, and what is taken when it is not there."""

    source: Subject
    default: Scalar


class _Comparable:
    """A value that makes claims by the six comparisons."""

    __slots__ = ("_subject",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def subject(self) -> Subject:
        """What is looked at."""
        return self._subject

    def __repr__(self) -> str:
        """The value as it is written."""
        argument = f"({self._subject.argument!r})" if self._subject.argument else ""
        return f"response.{self._subject.kind}{argument}"

    def __eq__(self, other: Scalar) -> Claim:  # type: ignore[override]
        return Claim(self._subject, Comparison("==", other))

    def __ne__(self, other: Scalar) -> Claim:  # type: ignore[override]
        return Claim(self._subject, Comparison("!=", other))

    def __lt__(self, other: Scalar) -> Claim:
        return Claim(self._subject, Comparison("<", other))

    def __le__(self, other: Scalar) -> Claim:
        return Claim(self._subject, Comparison("<=", other))

    def __gt__(self, other: Scalar) -> Claim:
        return Claim(self._subject, Comparison(">", other))

    def __ge__(self, other: Scalar) -> Claim:
        return Claim(self._subject, Comparison(">=", other))


@final
class Status(_Comparable):
    """The status code: compares with numbers, equals a class as `"2xx"`."""

    __slots__ = ()

    def one_of(self, *statuses: int | StatusClass) -> Claim:
        """Claims that the status is one of these codes or in one of these classes."""
        return Claim(self._subject, any_of=statuses)


class Size(_Comparable):
    """The body's size: compares with sizes as `"10kB"`."""

    __slots__ = ()


class ServiceTime(_Comparable):
    """From send to last byte: compares with durations as `"500ms"`."""

    __slots__ = ()


class _Optional(_Comparable):
    """A value that may be missing."""

    __slots__ = ()

    def exists(self) -> Claim:
        """Claims that the value is there. JSON's `null` is not."""
        return Claim(self._subject)


class Variable(_Optional):
    """A variable of the user: what a feeder or an extract has set."""

    __slots__ = ()


class Extractable(_Optional):
    """A value that may be missing and can be taken into a variable."""

    __slots__ = ()

    def default(self, value: Scalar) -> Default:
        """What `extract` takes when the value is missing. Without it a missing value ends the iteration as failed.

        `None` leaves the variable without a value, so that `variable(name).exists()` is false.
        """
        return Default(self._subject, value)


@final
class JsonValue(Extractable):
    """The first value at a JSONPath. For extracts it can be any of the values there, or all of them."""

    __slots__ = ()

    def random(self) -> Several:
        """One of the values at the path, each as likely as the others; `null` is never taken.

        extract={"item_id": response.json("$.items[*].id").random()}
        """
        return Several(replace(self._subject, pick="random"))

    def all(self) -> Several:
        """All values at the path, as a JSON array; `"{ids:json}"` sends it as one."""
        return Several(replace(self._subject, pick="all"))


@final
class Several:
    """One or all of several values at a JSONPath, for extracts."""

    __slots__ = ("_subject",)

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def subject(self) -> Subject:
        """What is looked at."""
        return self._subject

    def __repr__(self) -> str:
        """The value as it is written."""
        return f"response.json({self._subject.argument!r}).{self._subject.pick}()"

    def default(self, value: Scalar) -> Default:
        """What `extract` takes when there are no values. Without it that ends the iteration as failed."""
        return Default(self._subject, value)


@final
class Regex:
    """A regular expression over the body. Extracts capture group 1, or the whole match where there is no group."""

    __slots__ = ("_subject",)

    def __init__(self, pattern: str) -> None:
        self._subject = Subject("regex", pattern)

    @property
    def subject(self) -> Subject:
        """What is looked at."""
        return self._subject

    def exists(self) -> Claim:
        """Claims that it matches somewhere."""
        return Claim(self._subject)

    def default(self, value: Scalar) -> Default:
        """What `extract` takes when nothing matches. Without it that ends the iteration as failed."""
        return Default(self._subject, value)


Source: TypeAlias = Extractable | Several | Regex | Default
"""Where in a response a value is: what `extract` takes."""


@final
class Response:
    """The response to the request in which it is written. Use the one instance, `response`."""

    __slots__ = ()

    @property
    def status(self) -> Status:
        """The status code. Whether a status counts as an *error* is for the request's `expect` to say."""
        return Status(Subject("status"))

    @property
    def size(self) -> Size:
        """The size of the body in bytes."""
        return Size(Subject("size"))

    @property
    def service_time(self) -> ServiceTime:
        """The time from send to last byte."""
        return ServiceTime(Subject("service_time"))

    def header(self, name: str) -> Extractable:
        """The first header of this name, in any case."""
        return Extractable(Subject("header", name))

    def json(self, path: str) -> JsonValue:
        """The first value at a JSONPath (RFC 9535), as `$.items[0].id`.

        Strings are taken without quotes, all else as JSON text, digit by digit. `null` counts as missing, except that
        `== None` claims it.
        """
        return JsonValue(Subject("json", path))

    def regex(self, pattern: str) -> Regex:
        """A regular expression over the body, in the syntax of the Rust `regex` crate: linear time, no look-around."""
        return Regex(pattern)

    def contains(self, text: str) -> Claim:
        """Claims that the body contains this text."""
        return Claim(Subject("contains", text))


response = Response()


def check(claim: Claim, *, name: str | None = None, stop: bool = False) -> Check:
    """A claim under a name of its own, or one whose failure ends the iteration.

    A claim that needs neither is written alone.

        checks=[response.status == 201, check(response.json("$.id").exists(), name="has an id", stop=True)]

    Args:
        claim: What is claimed about the response.
        name: What the check is called in results. By default the claim itself.
        stop: Whether the iteration ends, as failed, when the claim does not hold.
    """
    declares("check")
    return Check(claim, name, stop)


def variable(name: str) -> Variable:
    """A variable of the user, for `branch`.

    branch(variable("role") == "admin", then=[...])
    """
    return Variable(Subject("variable", name))
