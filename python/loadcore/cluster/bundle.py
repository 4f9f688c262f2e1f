"""What a plan needs besides itself, on its way to a node: data files and the user's code.

A bundle is a tar of these files, named by its content, so that a node that has it already gets nothing. It holds no
plan, and so none of the secrets of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, field
from modulefinder import ModuleFinder
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from loadcore.errors import UsageError
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CHUNK_BYTES = 4 << 20
"""What one message carries of a file."""


@dataclass(frozen=True)
class Bundle:
    """Files for a node."""

    sha256: str
    size: int
    paths: Mapping[str, str]
    """Where each file or folder of this machine is in the bundle."""
    _file: IO[bytes] = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """The tar, piece by piece."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk


def pack(document: Mapping[str, Any], shipped: Sequence[Path] = (), code: Sequence[Path] = ()) -> Bundle:
    """The bundle of a plan.

    Args:
        document: The plan.
        code: Files of the user's code that the plan does not name.
        shipped: Files and folders that the user's code reads, which no declaration names.

    Raises:
        UsageError: One of them does not exist.
        LimitsError: One of them cannot be read.
    """
    missing = [str(path) for path in shipped if not path.exists()]
    if missing:
        raise UsageError(f"--ship names what does not exist: {', '.join(missing)}")
    members: dict[str, Path] = {}
    paths: dict[str, str] = {}
    for number, path in enumerate(_data_files(document)):
        paths[path] = f"data/{number}/{Path(path).name}"
        members[paths[path]] = Path(path)
    roots = _roots(document, code)
    for number, (root, files) in enumerate(roots.items()):
        paths[root] = f"code/{number}"
        for file in files:
            name = f"code/{number}/{file.relative_to(root)}"
            members[name] = file
            paths[str(file)] = name
    home = Path(next(iter(roots), "."))
    for each in shipped:
        members.update(_shipped(each, home))
    with refusing("cannot read what the nodes need"):
        return _tar(members, paths)


def unpack(tar: Path, folder: Path) -> None:
    """Unpack a bundle into a folder that is there whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        with tarfile.open(tar) as archive:
            archive.extractall(temporary, filter="data")
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # Else another run has unpacked the same meanwhile.
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def rewritten(thing: Any, paths: Mapping[str, str], folder: Path) -> Any:  # noqa: ANN401 - any JSON
    """A part of a plan in which each bundled path is that on this node."""
    match thing:
        case dict():
            return {name: rewritten(member, paths, folder) for name, member in thing.items()}
        case list() | tuple():
            return [rewritten(member, paths, folder) for member in thing]
        case str() if thing in paths:
            return str(folder / paths[thing])
        case _:
            return thing


def sha256_of(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _data_files(document: Mapping[str, Any]) -> list[str]:
    sources = (feeder["source"] for feeder in document["feeders"])
    return list(dict.fromkeys(source["path"] for source in sources if "path" in source))


def _roots(document: Mapping[str, Any], code: Sequence[Path]) -> dict[str, list[Path]]:
    """The folders that the user's code is imported from, each with the files of it that are needed."""
    found: dict[str, set[Path]] = {}
    for file in code:
        found.setdefault(str(file.parent), set()).update(local_imports(file, file.parent))
    for script in document.get("scripts", ()):
        if "file" in script:
            file = Path(script["file"])
            root = script.get("root", str(file.parent))
            found.setdefault(root, set()).update(local_imports(file, Path(root)))
    return {root: sorted(files) for root, files in found.items()}


def local_imports(file: Path, root: Path) -> set[Path]:
    """A file, and what it imports, directly or not, from below a folder. Packages come with all files in them."""
    finder = ModuleFinder(path=[str(root)])
    with refusing("cannot read what the nodes need", file):
        finder.run_script(str(file))
    files = {file}
    for module in finder.modules.values():
        path = getattr(module, "__file__", None)
        if path is None or not Path(path).is_relative_to(root):
            continue
        files.add(Path(path))
        if getattr(module, "__path__", None):
            files.update(_files_below(Path(path).parent))
    return files


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))


def _shipped(path: Path, home: Path) -> dict[str, Path]:
    """Where shipped files are in the bundle: as they are to the user's code, else beside it."""
    path = path.absolute()
    base = home.absolute() if path.is_relative_to(home.absolute()) else path.parent
    files = [path] if path.is_file() else list(_files_below(path))
    return {f"code/0/{file.relative_to(base)}": file for file in files}


def _tar(members: Mapping[str, Path], paths: Mapping[str, str]) -> Bundle:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the bundle keeps it
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(members.items()):
            info = tarfile.TarInfo(name)  # Without times and owners: the same files make the same tar.
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                archive.addfile(info, content)
    size = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Bundle(digest, size, paths, file)
