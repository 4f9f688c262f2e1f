"""Certificates of a cluster: an authority of its own, and one certificate for each role.

Whoever holds one of them may run code on every node.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.errors import UsageError
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

DEFAULT_FOLDER = Path("cluster-certs")
ROLES = ("scheduler", "node", "driver")
DAYS = 365


@dataclass(frozen=True)
class Certificates:
    """What one role shows and trusts."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def of(cls, folder: Path, role: str) -> Certificates:
        """Those of a role in a folder that `make` has filled.

        Raises:
            UsageError: Some are not there, or cannot be used.
        """
        found = cls(folder / "ca.pem", folder / f"{role}.pem", folder / f"{role}.key")
        missing = [str(path) for path in (found.authority, found.certificate, found.key) if not path.is_file()]
        if missing:
            raise UsageError(
                f"tls:// needs certificates, and these do not exist: {', '.join(missing)}",
                hint="make them once with `loadcore cluster certs`, copy each machine's there, and name the folder "
                "with --certs",
            )
        try:
            found.context()
        except OSError as problem:
            raise UsageError(
                f"the certificates in {folder} cannot be used: {reason_of(problem)}",
                hint=f"ca.pem, {role}.pem and {role}.key must be of one `loadcore cluster certs`, and readable",
            ) from None
        return found

    def context(self) -> ssl.SSLContext:
        """What a client of this role speaks TLS with. Names are not compared: the authority is of this cluster alone.

        Raises:
            OSError: They cannot be read, or are not certificates.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        context.check_hostname = False
        context.load_cert_chain(self.certificate, self.key)
        return context


def make(folder: Path, days: int = DAYS) -> list[Path]:
    """Make an authority and a certificate for each role. Gives the files.

    Raises:
        UsageError: There are some already.
    """
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - an extra

    names = ["ca.pem", "ca.key", *(f"{role}{end}" for role in ROLES for end in (".pem", ".key"))]
    if found := [name for name in names if (folder / name).exists()]:
        raise UsageError(
            f"{folder} has certificates already: {', '.join(found)}", hint="name another folder with --out"
        )
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("loadcore cluster", authority_key, None, days)
    with refusing("cannot write certificates", folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "ca", authority, authority_key)
        for role in ROLES:
            key = ec.generate_private_key(ec.SECP256R1())
            _write(folder / role, _certificate(f"loadcore {role}", key, (authority, authority_key), days), key)
    return [folder / name for name in names]


def reason_of(problem: OSError) -> str:
    """What failed, without what only OpenSSL can read."""
    if isinstance(problem, ssl.SSLError):
        return getattr(problem, "verify_message", "") or (problem.reason or str(problem)).replace("_", " ").lower()
    return problem.strerror or str(problem) or type(problem).__name__


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    signer: tuple[Certificate, EllipticCurvePrivateKey] | None,
    days: int,
) -> Certificate:
    from cryptography import x509  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = subject if signer is None else signer[0].subject
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # Clocks of machines differ.
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(
            x509.BasicConstraints(ca=signer is None, path_length=0 if signer is None else None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    usage = {"digital_signature": signer is not None, "key_cert_sign": signer is None, "crl_sign": signer is None}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    usage_all: dict[str, Any] = {**usage, **dict.fromkeys(others, False), "decipher_only": False}
    builder = builder.add_extension(x509.KeyUsage(**usage_all), critical=True)
    if signer is not None:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer[1].public_key())
        builder = builder.add_extension(authority, critical=False)
    return builder.sign(key if signer is None else signer[1], hashes.SHA256())


def _write(stem: Path, certificate: Certificate, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

    stem.with_suffix(".pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(stem.with_suffix(".key"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
