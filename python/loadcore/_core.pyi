"""The engine, as `loadcore.engine` imports it. Checked against the extension module by the contract tests."""

from typing import final

__all__ = ["Batch", "Engine", "Histogram", "__version__", "check_plan", "outcomes"]

__version__: str

def check_plan(plan_json: str) -> str:
    """Everything that is wrong with a plan, as a JSON list of problems with `path`, `at`, `message` and `hint`."""

def outcomes() -> list[tuple[str, str]]:
    """The stable names of all outcomes, each with its cause."""

@final
class Engine:
    """A share of a plan: checked when it is made, started once, read until it ends."""

    def __new__(cls, plan_json: str, share: int, shares: int) -> Engine:
        """Checks a plan and makes share `share` of `shares` ready. Raises `PlanError` with everything that is wrong."""

    def describe(self) -> str:
        """What this share will do, as JSON: `scenarios`, `steps`, `checks`, `groups` and `connections`."""

    def empty_batches(self) -> tuple[Batch, Batch]:
        """Two tables without rows, for their types: requests and windows."""

    def start(self, start_at_ns: int) -> None:
        """Starts the engine thread and returns. The run begins at `start_at_ns` of the monotonic clock."""

    def next_event(self, timeout_ms: int) -> tuple[str, object] | None:
        """The next of `("rows", Batch)`, `("windows", Batch)` and, last, `("end", str)`.

        None if none comes in time, and for ever after the end. Waits without the GIL, and lets Ctrl-C through.
        """

    def stop(self) -> None:
        """Start no more iterations; let running ones finish within the plan's `graceful_stop_ns`.

        Before the start there is nothing to stop.
        """

    def interrupt(self) -> None:
        """Stop now; requests in flight are recorded as `interrupted`."""

@final
class Batch:
    """Rows of a table, for any library that knows the Arrow C data interface: `pyarrow.record_batch(batch)` imports it.

    Nothing is copied.
    """

    def __len__(self) -> int:
        """The number of rows."""

    def __arrow_c_schema__(self) -> object:
        """The columns' names and types."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """The columns. They are given in their own types, whatever schema is asked for, as the protocol allows."""

@final
class Histogram:
    """Durations from 1 µs to one hour, each to 0.1 %. Merging loses nothing."""

    def __new__(cls) -> Histogram:
        """An empty histogram."""

    @staticmethod
    def decode(encoded: bytes) -> Histogram:
        """Reads what `encode` wrote. Raises `ValueError` if the bytes are no such histogram."""

    def add(self, other: Histogram) -> None:
        """Adds another histogram."""

    def add_encoded(self, encoded: bytes) -> None:
        """Adds an encoded histogram. Raises `ValueError` if the bytes are none."""

    def quantile(self, q: float) -> int:
        """The duration, in nanoseconds, that the share `q` of all durations does not exceed; 0 if there are none."""

    @property
    def count(self) -> int:
        """How many durations."""

    @property
    def min_ns(self) -> int:
        """The shortest duration, to 0.1 %; 0 if there are none."""

    @property
    def max_ns(self) -> int:
        """The longest duration, to 0.1 %; 0 if there are none."""

    @property
    def mean_ns(self) -> int:
        """The mean, to 0.1 %; 0 if there are none."""

    def buckets(self) -> list[tuple[int, int]]:
        """The durations that occurred, ascending: the upper end of each counter in nanoseconds, and its count."""

    def encode(self) -> bytes:
        """The HDR V2 compressed encoding, values in microseconds."""
