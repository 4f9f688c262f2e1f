"""An entry of the statistics that is up to date whenever it is read, also by code that keeps it."""

from __future__ import annotations

from typing import Any

from locust.stats import EntriesDict, StatsEntry


class _Counted:
    """An attribute of an entry. What is still to be counted is counted before it is read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, entry: Any, owner: type | None = None) -> Any:
        if entry is None:
            return self
        own = entry.__dict__
        own["stats"].count()
        try:
            return own[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, entry: Any, value: Any) -> None:
        entry.__dict__[self._name] = value


class LiveEntry(StatsEntry):
    """In place of the entries of a `LiveStats`."""

    num_requests = _Counted()
    num_none_requests = _Counted()
    num_reqs_per_sec = _Counted()
    total_response_time = _Counted()
    min_response_time = _Counted()
    max_response_time = _Counted()
    response_times = _Counted()
    total_content_length = _Counted()
    last_request_timestamp = _Counted()


class LiveEntries(EntriesDict):
    """By name and method."""

    def __missing__(self, key: tuple[str, str]) -> LiveEntry:
        """An entry that is new."""
        entry: Any = super().__missing__(key)
        entry.__class__ = LiveEntry
        made: LiveEntry = entry
        return made
