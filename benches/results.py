"""Where benches leave what they measured: an Arrow file of every single run, and a page of what follows from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc

from benches import machine
from benches.build import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = ROOT / "target" / "bench"


@dataclass(frozen=True)
class Table:
    """A table as it is shown."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def keep(name: str, runs: Sequence[dict[str, Any]], page: str) -> Path:
    """Keeps a bench's runs as `<name>.arrow`, with the machine they ran on, and its page as `<name>.md`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(runs)).replace_schema_metadata({"machine": json.dumps(machine.describe())})
    with pa.OSFile(str(FOLDER / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    path = FOLDER / f"{name}.md"
    path.write_text(page.rstrip() + "\n", encoding="utf-8")
    print(page)
    return path


def load(name: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The runs of a bench and the machine they ran on, as kept last."""
    with pa.OSFile(str(FOLDER / f"{name}.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    rows: list[dict[str, Any]] = table.to_pylist()
    described: dict[str, str] = json.loads(table.schema.metadata[b"machine"])
    return rows, described
