"""The columns of a run's Arrow files.

Names end with their unit; `*_ns` are whole nanoseconds, null means "did not happen", 0 means "took no time". Adding a
column is a minor change of `run_facts.COLUMNS_VERSION`, renaming or retyping one a major change.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

Phase = Literal["warm_up", "steady", "ramp_down"]

PHASES: tuple[Phase, ...] = ("warm_up", "steady", "ramp_down")
STEADY: Phase = "steady"
"""The phase that headline numbers come from."""

_NAME = pa.dictionary(pa.int16(), pa.utf8())
_WORD = pa.dictionary(pa.int8(), pa.utf8())
_OPTIONAL = True
_REQUIRED = False

REQUESTS = pa.schema(
    [
        # For people and joins. Order and gaps come from `offset_ns`.
        pa.field("scheduled_at", pa.timestamp("us", tz="UTC"), nullable=_REQUIRED),
        pa.field("offset_ns", pa.int64(), nullable=_REQUIRED),
        pa.field("lag_ns", pa.int64(), nullable=_REQUIRED),
        pa.field("script_lag_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("dns_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("connect_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("tls_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("ttfb_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("service_ns", pa.int64(), nullable=_OPTIONAL),
        pa.field("response_ns", pa.int64(), nullable=_REQUIRED),
        pa.field("scenario", _NAME, nullable=_REQUIRED),
        pa.field("step", _NAME, nullable=_REQUIRED),
        pa.field("method", _NAME, nullable=_REQUIRED),
        pa.field("outcome", _WORD, nullable=_REQUIRED),
        pa.field("phase", _WORD, nullable=_REQUIRED),
        pa.field("error", pa.bool_(), nullable=_REQUIRED),
        pa.field("superseded", pa.bool_(), nullable=_REQUIRED),
        pa.field("status", pa.uint16(), nullable=_OPTIONAL),
        pa.field("attempts", pa.uint8(), nullable=_REQUIRED),
        pa.field("reused", pa.bool_(), nullable=_REQUIRED),
        pa.field("user", pa.int32(), nullable=_REQUIRED),
        pa.field("iteration", pa.int32(), nullable=_REQUIRED),
        pa.field("worker", pa.int16(), nullable=_REQUIRED),
        pa.field("bytes_sent", pa.int64(), nullable=_REQUIRED),
        pa.field("bytes_received", pa.int64(), nullable=_REQUIRED),
    ]
)
"""`requests-<worker>.arrow`: one row per request."""


TRACE_ID = pa.field("trace_id", pa.utf8(), nullable=_OPTIONAL)
"""The last column of a run that traces requests: the id of those that were."""


def _counts(name: str, key: pa.Field) -> pa.Field:
    """A list of (key, count) pairs."""
    return _list(name, key, *_whole("count"))


def _list(name: str, *fields: pa.Field) -> pa.Field:
    """A list of things with these fields."""
    item = pa.struct([field.with_nullable(_REQUIRED) for field in fields])
    return pa.field(name, pa.list_(pa.field("item", item, nullable=_REQUIRED)), nullable=_OPTIONAL)


def _whole(*names: str) -> list[pa.Field]:
    """Whole numbers."""
    return [pa.field(name, pa.int64()) for name in names]


def _optional(kind: pa.DataType, *names: str) -> list[pa.Field]:
    """Nullable columns of one type."""
    return [pa.field(name, kind, nullable=_OPTIONAL) for name in names]


OF_MACHINE = [
    *_optional(pa.int64(), "foreign_cpu_ns", "client_cpu_ns", "throttled_ns"),
    *_optional(pa.utf8(), "target_program"),
    *_optional(pa.int32(), "target_processes"),
    *_optional(pa.int64(), "target_cpu_ns", "target_busiest_ns", "target_thread_ns", "target_waited_ns"),
    *_optional(pa.int64(), "target_throttled_ns"),
    *_optional(pa.float64(), "target_cores"),
    *_optional(pa.int32(), "target_open_fds", "target_fd_limit", "accept_waiting", "accept_limit"),
    *_optional(pa.int64(), "accept_drops", "rtt_ns", "segments_sent", "segments_resent"),
    *_optional(pa.int64(), "blocked_ns", "sending_ns"),
]
"""Columns of the rows about the machine, and about the target on it: the supervisor fills them."""

_EXEMPLAR = [
    *(pa.field(name, pa.utf8()) for name in ("trace_id", "span_id")),
    *_whole("end_ns", "service_ns", "response_ns"),
    pa.field("status", pa.uint16()),
    pa.field("outcome", pa.utf8()),
]
"""A request that has a trace."""

WINDOWS = pa.schema(
    [
        pa.field("second", pa.int32(), nullable=_REQUIRED),
        pa.field("worker", pa.int16(), nullable=_REQUIRED),
        pa.field("phase", _WORD, nullable=_REQUIRED),
        pa.field("kind", _WORD, nullable=_REQUIRED),
        *_optional(_NAME, "scenario", "name"),
        *_optional(_WORD, "section"),
        *_optional(_NAME, "method", "step"),
        *_optional(pa.int64(), "count", "errors", "hops", "repeats", "not_sent"),
        *_optional(pa.int64(), "asked", "started", "answered", "failed"),
        _counts("outcomes", pa.field("name", pa.utf8())),
        _counts("statuses", pa.field("status", pa.uint16())),
        _counts("error_statuses", pa.field("status", pa.uint16())),
        *_optional(pa.binary(), "service", "response", "ttfb", "delay_added", "delay_taken", "connect"),
        _list("error_times", pa.field("status", pa.uint16()), pa.field("service", pa.binary())),
        _list("hints", pa.field("name", pa.utf8()), *_whole("count", "sum_ns", "ttfb_sum_ns")),
        _list("exemplars", *_EXEMPLAR),
        *_optional(pa.int64(), "lost_on_new"),
        *_optional(pa.int64(), "service_sum_ns", "response_sum_ns", "bytes_sent", "bytes_received", "attempts"),
        *_optional(pa.int64(), "connections", "surplus_bytes", "interim"),
        *_optional(pa.int64(), "iterations_due", "iterations_started", "iterations_completed", "iterations_failed"),
        *_optional(pa.int64(), "iterations_dropped", "iterations_interrupted", "users_lost", "idle_steps"),
        *_optional(pa.int32(), "users_active", "users_waiting"),
        *_optional(pa.int64(), "ended_ns"),
        *_optional(pa.binary(), "lag"),
        *_optional(
            pa.int64(), "lag_max_ns", "cpu_ns", "process_cpu_ns", "wall_ns", "core_wait_ns", "involuntary_switches"
        ),
        *_optional(pa.int32(), "open_fds", "fd_limit"),
        *_optional(pa.int64(), "rows_dropped", "in_flight_ns", "flights_ns", "warm_up_ns", "ramp_down_ns"),
        _list("gaps", *_whole("from_ns", "to_ns")),
        *_optional(pa.binary(), "sending", "script_lag"),
        *_optional(pa.float64(), "psi_some_avg10", "steal_ratio"),
        *OF_MACHINE,
    ]
)
"""`windows.arrow`: one row per second, worker, phase, kind, name. `worker` is `MACHINE` in rows about that."""

MACHINE = -1
"""The value of `worker` in rows about the machine."""

ORDER = "order"
"""The kind of rows about changes of the load: `scenario`, what changed in `name`, from when on in `ended_ns`."""
