"""Places for rows outside the run's folder: anything that pyarrow has a file system for."""

from __future__ import annotations

from pathlib import Path

from loadcore.errors import UsageError


def place_in(store: str, run_id: str, name: str) -> str:
    """The URI of a file of a run in a store."""
    return f"{store.rstrip('/')}/{run_id}/{name}"


def require_store(store: str) -> None:
    """Refuse what is not the URI of a place for files.

    Raises:
        UsageError: It is not.
    """
    from pyarrow import ArrowInvalid, fs  # noqa: PLC0415 - needed by runs with a store only

    try:
        fs.FileSystem.from_uri(store)
    except (ArrowInvalid, OSError, ValueError, NotImplementedError) as problem:
        raise UsageError(
            f'"{store}" is not a place for rows: {problem}', hint="write s3://bucket/folder, gs://… or file:///folder"
        ) from None


def copy_to(uri: str, path: Path) -> None:
    """Copy a file of this machine to a store."""
    from pyarrow import fs  # noqa: PLC0415 - see above

    system, place = fs.FileSystem.from_uri(uri)
    if not isinstance(system, fs.S3FileSystem):
        system.create_dir(str(Path(place).parent), recursive=True)
    with path.open("rb") as source, system.open_output_stream(place) as sink:
        while piece := source.read(8 << 20):
            sink.write(piece)
