"""Rows on their way from nodes: into the run's folder in pieces, or from each node to a store."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loadcore.cluster.bundle import CHUNK_BYTES
from loadcore.cluster.store import place_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.cluster.link import Link
    from loadcore.cluster.node import Node
    from loadcore.results.run_facts import FileFacts, WorkerEnd
    from loadcore.results.run_folder import RunFolder

WINDOW = 3
"""Pieces of a file on their way at once."""
NODES_AT_ONCE = 8
PIECE_WITHIN_S = 60.0


def collect(
    link: Link,
    run_id: str,
    nodes: Mapping[int, Node],
    ends: Mapping[int, WorkerEnd],
    folder: RunFolder,
    store: str | None,
) -> dict[int, WorkerEnd]:
    """Fetch the files of all workers. What a node does not give is counted as rows lost."""

    def of_worker(worker: int) -> WorkerEnd:
        end, node = ends[worker], nodes[worker]
        if not end.files or node.lost is not None:
            rows = sum(facts.rows for facts in end.files)
            return replace(end, files=(), rows_lost=end.rows_lost + rows) if end.files else end
        kept: list[FileFacts] = []
        problem = end.disk_problem
        lost = 0
        for facts in end.files:
            try:
                if store is None:
                    _pull(link, run_id, node, facts, folder)
                else:
                    uri = place_in(store, run_id, facts.name)
                    link.call(node.address, "store", 3600, run=run_id, name=facts.name, uri=uri).result()
                    facts = replace(facts, stored=uri)  # noqa: PLW2901 - the same file, elsewhere
                kept.append(facts)
            except Exception as error:  # noqa: BLE001 - whatever it was, these rows are not here
                lost += facts.rows
                problem = problem or f"{facts.name} could not be fetched from node {node.name}: {error}"
        return replace(end, files=tuple(kept), rows_lost=end.rows_lost + lost, disk_problem=problem)

    with ThreadPoolExecutor(NODES_AT_ONCE) as pool:
        return dict(zip(ends, pool.map(of_worker, ends), strict=True))


def _pull(link: Link, run_id: str, node: Node, facts: FileFacts, folder: RunFolder) -> None:
    """One file, with a few pieces on their way at once."""
    offsets = list(range(0, facts.bytes, CHUNK_BYTES))

    def ask(offset: int) -> Any:  # noqa: ANN401 - a future of bytes
        return link.call(node.address, "read", PIECE_WITHIN_S, run=run_id, name=facts.name, offset=offset)

    digest = hashlib.sha256()
    path = folder.path / facts.name
    asked = [ask(offset) for offset in offsets[:WINDOW]]
    with path.open("wb") as file:
        for number in range(len(offsets)):
            piece = asked[number].result(PIECE_WITHIN_S)
            if number + WINDOW < len(offsets):
                asked.append(ask(offsets[number + WINDOW]))
            digest.update(piece)
            file.write(piece)
            asked[number] = None
    if digest.hexdigest() != facts.sha256:
        path.unlink()
        raise OSError("it arrived damaged")
