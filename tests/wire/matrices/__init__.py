"""The generated part of the wire suite: every place of a message against every odd byte, every form of a field.

Run `python -m tests.wire.matrices` after a change. The expectations are stated as rules, place by place, from RFC 9110,
RFC 9112 and docs/reference/outcomes.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.wire.matrices import (
    bodyless,
    chunk_sizes,
    connection,
    cuts,
    field_forms,
    interims,
    odd_chunks,
    odd_heads,
)

FOLDER = Path(__file__).parent.parent / "generated"

MATRICES = {
    "odd_heads": (
        odd_heads.odd_bytes_in_status_line,
        odd_heads.odd_bytes_in_header_line,
        odd_heads.odd_bytes_in_content_length,
    ),
    "odd_chunks": (odd_chunks.odd_bytes_in_chunks,),
    "field_forms": (field_forms.content_length_forms, field_forms.transfer_encoding_forms),
    "chunk_sizes": (chunk_sizes.chunk_size_forms,),
    "bodyless": (bodyless.bodyless,),
    "connection": (connection.persistence, connection.keep_alive_hints),
    "interims": (interims.interim_sequences,),
    "cuts": (cuts.cuts, cuts.cuts_until_close),
}


def rendered() -> dict[Path, str]:
    """Each generated file with its text."""
    return {
        FOLDER / f"{name}.jsonl": "".join(json.dumps(case) + "\n" for matrix in matrices for case in matrix())
        for name, matrices in MATRICES.items()
    }
