"""Feeders to their plans."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from loadcore.compiler.literals import literal
from loadcore.loader.user_code import user_code
from loadcore.plan.names import free_name
from loadcore.scenario.feeders import FileFeeder, RowsFeeder
from loadcore.wording.kinds import kind_of, shown

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import FeederPlan, LiteralPlan, SourcePlan
    from loadcore.scenario.feeders import Feeder, Rows
    from loadcore.scenario.place import Place

_ORDERS: Final = ("sequential", "random", "shuffled", "per_user", "unique")
_FEEDERS: Final = 'write csv_feeder("users.csv") or another feeder'
_AT_ENDS: Final = ("recycle", "stop", "fail")


class FeederRegistry:
    """The feeders of a plan. One object used twice is one feeder: its rows are dealt out to all who use it."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._names: dict[int, str] = {}
        self.plans: list[FeederPlan] = []

    def register(self, feeder: Feeder, place: Place | None) -> str:
        """Its name in the plan."""
        if not isinstance(feeder, FileFeeder | RowsFeeder):
            return self.refuse(place, f"{shown(feeder)} is not a feeder", _FEEDERS)
        if id(feeder) not in self._names:
            source = self._file(feeder) if isinstance(feeder, FileFeeder) else self._rows(feeder)
            wish = Path(source["path"]).stem if "path" in source else "rows"
            plan: FeederPlan = {
                "name": free_name(wish, [known["name"] for known in self.plans]),
                "source": source,
                "order": self._problems.member(feeder.place, "order", feeder.order, _ORDERS),
                "at_end": self._problems.member(feeder.place, "at_end", feeder.at_end, _AT_ENDS),
            }
            if feeder.place is not None:
                plan["at"] = str(feeder.place)
            self._names[id(feeder)] = plan["name"]
            self.plans.append(plan)
        return self._names[id(feeder)]

    def refuse(self, place: Place | None, message: str, hint: str) -> str:
        """Says what is wrong. Gives the name of a feeder without rows: what it would have given is not known."""
        self._problems.add(place, message, hint)
        name = free_name("unusable", [plan["name"] for plan in self.plans])
        source: SourcePlan = {"kind": "rows", "columns": [], "rows": []}
        plan: FeederPlan = {"name": name, "source": source, "order": _ORDERS[0], "at_end": _AT_ENDS[0]}
        if place is not None:
            plan["at"] = str(place)
        self.plans.append(plan)
        return name

    def _file(self, feeder: FileFeeder) -> SourcePlan:
        path = (feeder.place.folder if feeder.place else Path.cwd()) / feeder.path
        source: SourcePlan = {"kind": feeder.kind, "path": str(path)}
        if feeder.delimiter != ",":
            source["delimiter"] = self._delimiter(feeder)
        return source

    def _delimiter(self, feeder: FileFeeder) -> str:
        delimiter: object = feeder.delimiter
        if isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n\0':
            return delimiter
        message = f"the delimiter is {delimiter!r}: it must be one character of ASCII, and not a quote or a line end"
        self._problems.add(feeder.place, message, """write delimiter=";" or delimiter="\\t\"""")
        return ","

    def _rows(self, feeder: RowsFeeder) -> SourcePlan:
        place, problems = feeder.place, self._problems
        limit = problems.whole(place, "limit", feeder.limit)
        with user_code():
            made: object = feeder.rows() if callable(feeder.rows) else feeder.rows
            if not isinstance(made, Iterable) or isinstance(made, str | bytes | Mapping):
                problems.add(place, f"rows_feeder got {type(made).__name__}: it must be a list of dictionaries")
                made = []
            rows = list(itertools.islice(cast("Rows", made), limit + 1))
        if len(rows) > limit:
            hint = "write larger tables to a file and use csv_feeder, or raise `limit`"
            problems.add(place, f"rows_feeder got more than {limit:,} rows", hint)
        if not rows:
            problems.add(place, "rows_feeder got no rows")
        return self._table(rows[:limit], place)

    def _table(self, rows: list[Any], place: Place | None) -> SourcePlan:
        """Columns and rows. The first row that does not fit is reported: the others will be like it."""
        columns = [*rows[0]] if rows and isinstance(rows[0], Mapping) else []
        table: list[list[LiteralPlan]] = []
        for number, row in enumerate(rows, start=1):
            wrong = _wrong(row, columns)
            if wrong is not None:
                self._problems.add(place, f"row {number} of rows_feeder {wrong}")
                break
            table.append([literal(row[column]) for column in columns])
        return {"kind": "rows", "columns": columns, "rows": table}


def _wrong(row: object, columns: list[Any]) -> str | None:
    """What is wrong with a row, if anything."""
    if not isinstance(row, Mapping):
        return f"is {shown(row)}: it must be a dictionary"
    if set(row) != set(columns):
        return f"has the columns {', '.join(map(str, row))}; the first row has {', '.join(map(str, columns))}"
    for name, value in row.items():
        if not isinstance(name, str):
            return f"has the column {shown(name)}: it must be a string"
        if value is not None and not isinstance(value, str | int | float | bool | list | dict):
            return f'has {kind_of(value)} in "{name}": it must be a string, a number, a boolean, None, a list or a dict'
        try:
            literal(value)
        except (TypeError, ValueError, RecursionError) as error:
            return f'has {kind_of(value)} in "{name}" that cannot be written as JSON: {error}'
    return None
