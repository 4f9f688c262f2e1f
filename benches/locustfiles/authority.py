"""A certificate authority of a bench, which certifies every name that is asked for."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_UNNAMED = "localhost"


class Authority:
    """Keys and certificates, in a folder.

    Args:
        folder: Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.certificate = folder / "authority.pem"
        authority = self._signed("the bench's authority", self._key.public_key(), is_authority=True)
        self.certificate.write_bytes(authority.public_bytes(serialization.Encoding.PEM))

    def context(self) -> ssl.SSLContext:
        """Of a server: certified for the name that a client says."""
        context = self._certified(_UNNAMED)
        context.sni_callback = self._name
        return context

    def _name(self, sock: Any, name: str | None, _context: ssl.SSLContext) -> None:
        sock.context = self._certified(name or _UNNAMED)

    def _certified(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            key = ec.generate_private_key(ec.SECP256R1())
            path = self._folder / f"certified-{len(self._contexts)}.pem"
            path.write_bytes(
                self._signed(name, key.public_key(), is_authority=False).public_bytes(serialization.Encoding.PEM)
                + key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            self._contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._contexts[name].load_cert_chain(path)
        return self._contexts[name]

    def _signed(self, name: str, key: Any, *, is_authority: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the bench's authority")])
        builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())
