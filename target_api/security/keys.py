"""Signing keys: made once for all workers, rotated without invalidating what was signed before."""

import json
import time
import uuid
from typing import Any

from joserfc.jwk import Key, OctKey, RSAKey
from sqlalchemy import Connection

from target_api.shared.control import ControlPage, Word
from target_api.store.database import Database
from target_api.store.tokens import add_key, load_keys

_RSA_BITS = 2048
_SYMMETRIC_BITS = 256


class KeyRing:
    """The keys that one worker knows; it notices when another worker rotated them.

    Args:
        database: Where the keys are kept.
        control: Carries the epoch of the keys.
        algorithm: Of new keys, `HS256` or `RS256`.
    """

    def __init__(self, database: Database, control: ControlPage, algorithm: str) -> None:
        self._database = database
        self._control = control
        self._algorithm = algorithm
        self._keys: dict[str, tuple[str, Key]] = {}
        self._current = ""
        self._epoch = -1
        self._loaded_at = 0.0

    async def load(self) -> None:
        """Reads the keys; `ensure_key` has made one before."""
        epoch = self._control.epoch(Word.KEYS)
        self._loaded_at = time.monotonic()
        rows = await self._database.run(load_keys)
        self._keys = {row["kid"]: (row["algorithm"], _import(row["private_jwk"])) for row in rows}
        self._current = next(row["kid"] for row in rows if row["state"] == "current")
        self._epoch = epoch

    def may_have_changed(self) -> bool:
        """Whether reading again may bring new keys; true once a second, lest forged tokens load the database."""
        return self._database.shared and time.monotonic() > self._loaded_at + 1

    @property
    def stale(self) -> bool:
        """Whether another worker has changed the keys since they were read."""
        return bool(self._control.words[Word.KEYS] != self._epoch)

    async def rotate(self) -> str:
        """Makes a new signing key; the old ones go on verifying. Returns its identifier."""
        row = _new_key(self._algorithm)
        await self._database.run(add_key, row)
        self._control.bump(Word.KEYS)
        await self.load()
        return str(row["kid"])

    def signing(self) -> tuple[str, str, Key]:
        """Identifier, algorithm and key that sign now."""
        algorithm, key = self._keys[self._current]
        return self._current, algorithm, key

    def verifying(self, kid: str) -> tuple[str, Key] | None:
        """Algorithm and key of that identifier, or `None`."""
        return self._keys.get(kid)

    def public(self) -> dict[str, Any]:
        """The JWKS document: public keys only, so none with a symmetric algorithm."""
        documents = []
        for kid, (algorithm, key) in self._keys.items():
            if isinstance(key, RSAKey):
                documents.append({**key.as_dict(private=False), "kid": kid, "alg": algorithm, "use": "sig"})
        return {"keys": documents}


def ensure_key(connection: Connection, algorithm: str) -> None:
    """Makes a signing key unless the current one has that algorithm; done once, before the workers start."""
    rows = load_keys(connection)
    if not any(row["state"] == "current" and row["algorithm"] == algorithm for row in rows):
        add_key(connection, _new_key(algorithm))


def _new_key(algorithm: str) -> dict[str, Any]:
    key: Key = OctKey.generate_key(_SYMMETRIC_BITS) if algorithm == "HS256" else RSAKey.generate_key(_RSA_BITS)
    return {
        "kid": uuid.uuid4().hex[:16],
        "algorithm": algorithm,
        "private_jwk": json.dumps(key.as_dict(private=True)),
        "created_at": time.time_ns(),
        "state": "current",
    }


def _import(text: str) -> Key:
    document = json.loads(text)
    return OctKey.import_key(document) if document["kty"] == "oct" else RSAKey.import_key(document)
