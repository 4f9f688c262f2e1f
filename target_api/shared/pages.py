"""Pages of memory that several processes map: 64-bit words with one writer each.

A page survives the death of any process that maps it, `kill -9` included, because it belongs to the kernel's page
cache and not to the process.
"""

import mmap
from pathlib import Path


class Page:
    """A mapped file (or, without a path, private memory) seen as unsigned 64-bit words.

    Args:
        path: The file that all processes of one gateway map; `None` for memory of this process only.
        size: Bytes; the file is made that long, sparsely.

    Attributes:
        words: Reading and writing one word is a single aligned store, so a word with one writer needs no lock.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        self.size = size
        self._file = None
        if path is None:
            self._map = mmap.mmap(-1, size)
        else:
            self._file = path.open("r+b" if path.exists() else "w+b")
            if path.stat().st_size < size:
                self._file.truncate(size)
            self._map = mmap.mmap(self._file.fileno(), size)
        self.bytes = memoryview(self._map)
        self.words = self.bytes.cast("Q")

    @property
    def descriptor(self) -> int | None:
        """The file descriptor to lock, or `None` when no other process can see this page."""
        return None if self._file is None else self._file.fileno()

    def close(self) -> None:
        """Unmaps the page; what was written stays in the file."""
        self.words.release()
        self.bytes.release()
        self._map.close()
        if self._file is not None:
            self._file.close()
