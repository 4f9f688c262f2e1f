"""The rows of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.processes import messages
from loadcore.results.file_names import requests_name
from loadcore.results.write.writer import SegmentedWriter

if TYPE_CHECKING:
    from typing import Any

    from loadcore.engine import Batch, Ended, Engine
    from loadcore.processes.reports import Reports
    from loadcore.results.run_facts import WorkerEnd


class RowLog:
    """The worker's rows on disk. Where not even the file can be made, that is an `OSError` before the start."""

    def __init__(self, engine: Engine, prepare: messages.Prepare, reports: Reports) -> None:
        self._reports = reports
        self._complained = False
        folder, metadata = prepare.run_dir, dict(prepare.metadata)
        self._worker = prepare.worker
        self._writer = SegmentedWriter(
            lambda segment: f"{folder}/{requests_name(prepare.worker, segment)}", lambda: engine.file_encoder(metadata)
        )
        self._writer.open()

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        self._writer.write(batch)
        if self._writer.problem is not None and not self._complained:
            self._complained = True
            self._reports.send(messages.Remark(f"rows are lost, but the load continues: {self._writer.problem}"))

    def close(self, ended: Ended, user_code: dict[str, Any] | None = None) -> WorkerEnd:
        """Seal the files; how it all ended, and what user code did."""
        from loadcore.results.run_facts import WorkerEnd  # noqa: PLC0415

        files = self._writer.close()
        return WorkerEnd(
            worker=self._worker,
            reason=ended.reason,
            error=ended.error,
            rows_dropped=ended.rows_dropped,
            started_late_ns=ended.started_late_ns,
            rows_lost=self._writer.rows_lost,
            disk_problem=self._writer.problem,
            files=tuple(files),
            user_code=user_code,
        )
