"""Signing keys: made once for all workers, rotated without invalidating what was signed before."""

import json
import math
import time
import uuid
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import Key, OctKey, RSAKey
from sqlalchemy import Connection

from loadcore_target.settings import Settings
from loadcore_target.shared.control import ControlPage, Word
from loadcore_target.store.database import Database
from loadcore_target.store.tokens import add_key, drop_retired_keys, load_keys

_RSA_BITS = 2048
_SYMMETRIC_BITS = 256
_NOTICED_S = 60.0
"""Within which every replica has noticed that a key was replaced, and signs with it no more."""


@dataclass(frozen=True, slots=True)
class _KnownKey:
    """A key, and until when it verifies in Unix seconds."""

    algorithm: str
    key: Key
    until: float


class KeyRing:
    """The keys that one worker knows; it notices when another worker rotated them.

    A key that was replaced verifies until all that it signed has expired. Then it is worth nothing, and the next
    rotation or start removes it.

    Args:
        database: Where the keys are kept.
        control: Carries the epoch of the keys.
        settings: The algorithm of new keys, and how long an access token lives.
    """

    def __init__(self, database: Database, control: ControlPage, settings: Settings) -> None:
        self._database = database
        self._control = control
        self._settings = settings
        self._keys: dict[str, _KnownKey] = {}
        self._current = ""
        self._epoch = -1
        self._loaded_at = 0.0

    async def load(self) -> None:
        """Reads the keys; `ensure_key` has made one before."""
        epoch = self._control.epoch(Word.KEYS)
        self._loaded_at = time.monotonic()
        rows = await self._database.run(load_keys)
        lifetime_s = _lifetime_s(self._settings)
        keys = {}
        until = math.inf
        for row in rows:
            known = self._keys.get(row["kid"])
            key = known.key if known else _import(row["private_jwk"])  # importing an RSA key takes milliseconds
            keys[row["kid"]] = _KnownKey(row["algorithm"], key, until)
            until = row["created_at"] / 1e9 + lifetime_s
        self._keys = keys
        self._current = rows[0]["kid"]
        self._epoch = epoch

    def may_have_changed(self) -> bool:
        """Whether reading again may bring new keys; true once a second, to spare the database forged tokens."""
        return self._database.shared and time.monotonic() > self._loaded_at + 1

    @property
    def stale(self) -> bool:
        """Whether another worker has changed the keys since they were read."""
        return bool(self._control.words[Word.KEYS] != self._epoch)

    async def rotate(self) -> str:
        """Makes a new signing key; the one before verifies what it has signed. Returns the new one's identifier."""
        row = _new_key(self._settings.signing)
        await self._database.run(_replace_key, row, self._settings)
        self._control.bump(Word.KEYS)
        await self.load()
        return str(row["kid"])

    def signing(self) -> tuple[str, str, Key]:
        """Identifier, algorithm and key that sign now."""
        known = self._keys[self._current]
        return self._current, known.algorithm, known.key

    def verifying(self, kid: str) -> tuple[str, Key] | None:
        """Algorithm and key of that identifier; `None` when there is none or it has outlived what it signed."""
        known = self._keys.get(kid)
        return (known.algorithm, known.key) if known and time.time() < known.until else None

    def public(self) -> dict[str, Any]:
        """The JWKS document: public keys that verify, so none with a symmetric algorithm."""
        now = time.time()
        documents = [
            {**known.key.as_dict(private=False), "kid": kid, "alg": known.algorithm, "use": "sig"}
            for kid, known in self._keys.items()
            if isinstance(known.key, RSAKey) and now < known.until
        ]
        return {"keys": documents}


def ensure_key(connection: Connection, settings: Settings) -> None:
    """Makes a signing key unless the current one has the right algorithm; done once, before the workers start."""
    rows = load_keys(connection)
    if not rows or rows[0]["algorithm"] != settings.signing:
        _replace_key(connection, _new_key(settings.signing), settings)


def _replace_key(connection: Connection, row: dict[str, Any], settings: Settings) -> None:
    add_key(connection, row)
    drop_retired_keys(connection, time.time_ns() - int(_lifetime_s(settings) * 1e9))


def _lifetime_s(settings: Settings) -> float:
    """For how long a key that was replaced still verifies."""
    return settings.access_token_s + settings.leeway_s + _NOTICED_S


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
