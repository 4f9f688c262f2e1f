"""The names of the files of rows."""

from __future__ import annotations


def requests_name(worker: int, segment: int = 0) -> str:
    """A worker's rows. Segments after the first exist only where writing had failed and continued later."""
    return f"requests-{worker}.arrow" if segment == 0 else f"requests-{worker}-{segment}.arrow"
