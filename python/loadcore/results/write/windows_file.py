"""Windows on their way to `windows.arrow`.

The file format holds one dictionary per column, to which batches may add. So every batch is written with the words that
the plan has, and those that were met at run time after them, whatever dictionaries its worker sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.engine import SECTIONS
from loadcore.results.schema import MACHINE, ORDER, PHASES, WINDOWS
from loadcore.results.write.compaction import gather
from loadcore.results.write.plain_arrays import single, texts
from loadcore.results.write.table_encoder import TableEncoder
from loadcore.results.write.writer import SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.engine import Description
    from loadcore.plan.orders import Order
    from loadcore.results.run_facts import FileFacts
    from loadcore.results.run_folder import RunFolder

_KINDS = ("step", "check", "group", "scenario", "worker", "target", ORDER)


class WindowsFile:
    """Writes the windows of all workers into one file, and gives them back in one form.

    Args:
        folder: The run's folder.
        description: What the run does: it knows all names.
        metadata: Stands in the schema.
        claimed: Whether the folder has the file already, still empty.
    """

    def __init__(
        self, folder: RunFolder, description: Description, metadata: dict[str, str], *, claimed: bool = False
    ) -> None:
        self._folder = folder
        self._schema = WINDOWS.with_metadata(metadata)
        self._writer = SegmentedWriter(folder.windows_segment, lambda: TableEncoder(self._schema), claimed=claimed)
        # An empty dictionary cannot be added to: where nothing is known beforehand it begins with the empty word.
        self._words = {name: texts(words or [""]) for name, words in _words_of(description).items()}

    def open(self) -> None:
        """Make the file now. Errors as of `SegmentedWriter.open`."""
        self._writer.open()

    def write(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Append a worker's batch. Gives it with all columns of `schema.WINDOWS`, also if the disk did not take it."""
        columns = [self._column(batch, field) for field in self._schema]
        whole = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        self._writer.write(whole)
        return whole

    def write_order(self, second: int, phase: str, order: Order) -> pa.RecordBatch:
        """Append a change of the load, in the second in which it was ordered."""
        words = {"phase": phase, "kind": ORDER, "scenario": order.scenario, "name": str(order.change)}
        numbers = {"second": second, "worker": MACHINE, "ended_ns": order.at_ns}
        columns = {name: single(value, WINDOWS.field(name).type) for name, value in numbers.items()}
        made = [*(texts([word]) for word in words.values()), *columns.values()]
        return self.write(pa.RecordBatch.from_arrays(made, names=[*words, *columns]))

    def close(self) -> list[FileFacts]:
        """Seal the file, and gather its many small batches."""
        facts = self._writer.close()
        if self.problem is None and len(facts) == 1 and facts[0].sealed:
            return [gather(self._folder.windows_segment(0), facts[0])]
        return facts

    @property
    def problem(self) -> str | None:
        """Why windows are missing in the file; None if none are."""
        return self._writer.problem

    def _column(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        words = self._words.get(field.name)
        if field.name not in batch.schema.names:
            if words is None:
                return pa.nulls(batch.num_rows, field.type)
            return pa.DictionaryArray.from_arrays(pa.nulls(batch.num_rows, field.type.index_type), words)
        column = batch.column(field.name)
        if words is None:
            return column if column.type == field.type else column.cast(field.type)
        plain = (column.dictionary_decode() if pa.types.is_dictionary(column.type) else column).cast(pa.utf8())
        places = pc.index_in(plain, value_set=words)
        if places.null_count > plain.null_count:
            known = set(words.to_pylist())
            new = [word for word in pc.unique(plain).to_pylist() if word is not None and word not in known]
            words = self._words[field.name] = pa.concat_arrays([words, texts(new)])
            places = pc.index_in(plain, value_set=words)
        return pa.DictionaryArray.from_arrays(places.cast(field.type.index_type), words)


PLAIN = pa.schema(
    [
        pa.field(field.name, pa.utf8()) if pa.types.is_dictionary(field.type) else field.with_nullable(nullable=True)
        for field in WINDOWS
    ]
)
"""The same columns without dictionaries: what single rows are made with."""


def machine_row(
    second: int,
    phase: str,
    values: Mapping[str, float | str],
    *,
    kind: Literal["worker", "target"] = "worker",
    node: int = 0,
) -> pa.RecordBatch:
    """A row about the machine, about one of several nodes, or about the target on it."""
    words = {"phase": texts([phase]), "kind": texts([kind])}
    numbers = {"second": second, "worker": MACHINE - node, **values}
    columns = {name: single(value, WINDOWS.field(name).type) for name, value in numbers.items()}
    return pa.RecordBatch.from_arrays([*words.values(), *columns.values()], names=[*words, *columns])


def _words_of(description: Description) -> dict[str, list[str]]:
    """The words of each dictionary column."""
    everything = (description.scenarios, description.steps, description.checks, description.groups)
    names = [entry.name for entries in everything for entry in entries]
    return {
        "phase": list(PHASES),
        "kind": list(_KINDS),
        "scenario": [scenario.name for scenario in description.scenarios],
        "name": list(dict.fromkeys(names)),
        "step": list(dict.fromkeys(step.name for step in description.steps)),
        "section": list(SECTIONS),
        "method": list(dict.fromkeys(step.method for step in description.steps)),
    }
