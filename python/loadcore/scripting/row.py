"""The row that feeders have dealt out to an iteration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

from loadcore.wording.suggestions import did_you_mean


class NoColumn(KeyError):  # noqa: N818 - reads as what happened
    """No feeder of the scenario has this column."""

    def __str__(self) -> str:
        """The message itself, where a `KeyError` would quote it."""
        return str(self.args[0])


@final
class Row(Mapping[str, str]):
    """The columns of an iteration's rows, of all feeders."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str], /) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            hint = did_you_mean(name, self._values) if self._values else ": the scenario has no feeders"
            raise NoColumn(f'the row has no column "{name}"{hint}') from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        """Its columns: values may be secrets."""
        return f"<row with {', '.join(self._values) or 'no columns'}>"
