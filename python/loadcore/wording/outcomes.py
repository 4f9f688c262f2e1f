"""Outcomes of requests that are not faults. What each of them means, the engine says."""

ANSWERED = frozenset({"ok", "cut"})
"""A response arrived, as far as it was wanted."""

NO_ERRORS = ANSWERED | {"interrupted"}
"""Outcomes that are not errors by themselves."""
