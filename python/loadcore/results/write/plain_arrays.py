"""Arrow arrays of a few values, made from their bytes.

`pyarrow.array` and `pyarrow.scalar` ask whether a value is one of pandas', and import pandas for that wherever it is
installed: near half a second of CPU, in the moment in which a run starts.
"""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INTEGERS = {2: "<h", 4: "<i", 8: "<q"}
_FLOAT = "<d"


def texts(words: Sequence[str]) -> pa.StringArray:
    """Words, none of them missing."""
    encoded = [word.encode() for word in words]
    offsets = struct.pack(f"<{len(encoded) + 1}i", 0, *accumulate(len(word) for word in encoded))
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def integer(value: int, kind: pa.DataType) -> pa.Array:
    """One signed integer of 16, 32 or 64 bits.

    Raises:
        struct.error: The type cannot hold it.
    """
    data = struct.pack(_INTEGERS[kind.byte_width], value)
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(data)])


def single(value: float | str, kind: pa.DataType) -> pa.Array:
    """One value of a column: a word, a float or an integer.

    Raises:
        struct.error: The type cannot hold it.
    """
    if isinstance(value, str):
        return texts([value])
    if pa.types.is_floating(kind):
        return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(struct.pack(_FLOAT, value))])
    return integer(int(value), kind)


def number(value: int) -> pa.Scalar:
    """One integer of 64 bits to compare with."""
    return integer(value, pa.int64())[0]


def numbers(values: Iterable[int]) -> pa.Array:
    """Integers of 64 bits."""
    packed = array("q", values)
    return pa.Array.from_buffers(pa.int64(), len(packed), [None, pa.py_buffer(packed)])


def is_word(column: pa.DictionaryArray, word: str) -> pa.Array:
    """Where a column of words has this one, asked of its dictionary."""
    return pc.take(pc.equal(column.dictionary, texts([word])[0]), column.indices)
