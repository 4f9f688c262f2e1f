"""Feeders: tables of test data whose rows are dealt out to iterations. A row's columns become the user's variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from loadcore.errors import Problem, ScenarioError
from loadcore.scenario.place import Place, here

if TYPE_CHECKING:
    from pathlib import Path

Order: TypeAlias = Literal["sequential", "random", "shuffled", "per_user", "unique"]
AtEnd: TypeAlias = Literal["recycle", "stop", "fail"]
Value: TypeAlias = str | int | float | bool | list[Any] | dict[str, Any] | None
Rows: TypeAlias = Iterable[Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class FileFeeder:
    """Rows of a file. The engine reads it."""

    kind: Literal["csv", "json", "json_lines"]
    path: str | Path
    order: Order
    at_end: AtEnd
    delimiter: str = ","
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RowsFeeder:
    """Rows that Python makes. They are made when the plan is, and are part of it."""

    rows: Rows | Callable[[], Rows] = field(repr=False)
    limit: int
    order: Order
    at_end: AtEnd
    place: Place | None = field(default_factory=here, compare=False, repr=False)


Feeder: TypeAlias = FileFeeder | RowsFeeder


def csv_feeder(
    path: str | Path, *, delimiter: str = ",", order: Order = "sequential", at_end: AtEnd = "recycle"
) -> FileFeeder:
    r"""Rows of a CSV file in UTF-8 whose first line names the columns.

        csv_feeder("users.csv", order="unique")

    Args:
        path: The file, relative to the file in which this is written.
        delimiter: What separates values: `","`, `"\t"`, or `";"` as spreadsheets write where numbers have a comma.
        order: `sequential`: the next row. `random`: any row, as the seed decides for each iteration. `shuffled`: the
            next row of a shuffled table. `per_user`: each user keeps its row. `unique`: as `per_user`, and there must
            be a row for every user.
        at_end: When rows are used up: `recycle` begins again, `stop` ends the users, `fail` ends the run as failed.
    """
    return FileFeeder("csv", path, order, at_end, delimiter)


def json_feeder(path: str | Path, *, order: Order = "sequential", at_end: AtEnd = "recycle") -> FileFeeder:
    """Rows of a JSON file: an array of objects. Arguments as of `csv_feeder`."""
    return FileFeeder("json", path, order, at_end)


def json_lines_feeder(path: str | Path, *, order: Order = "sequential", at_end: AtEnd = "recycle") -> FileFeeder:
    """Rows of a file with one JSON object a line. Arguments as of `csv_feeder`."""
    return FileFeeder("json_lines", path, order, at_end)


def rows_feeder(
    rows: Rows | Callable[[], Rows],
    /,
    *,
    limit: int = 100_000,
    order: Order = "sequential",
    at_end: AtEnd = "recycle",
) -> RowsFeeder:
    """Rows from Python: a list of dictionaries, or a function that gives one or yields them.

        rows_feeder([{"item": "book"}, {"item": "pen"}], order="random")
        rows_feeder(make_rows)              a generator function: not called before the run is prepared

    Args:
        rows: The rows. All have the same keys; values are strings, numbers, booleans, None, and lists or dictionaries
            of these.
        limit: More rows than this are refused, since they travel in the plan. Larger tables belong in a file.
        order: As of `csv_feeder`.
        at_end: As of `csv_feeder`.
    """
    if isinstance(rows, Iterator):
        at = here()
        message = "rows_feeder got an iterator, which can be read only once"
        hint = "give the function itself, rows_feeder(make_rows), or a list"
        raise ScenarioError([Problem(message, at=str(at) if at else None, hint=hint)])
    return RowsFeeder(rows, limit, order, at_end)
