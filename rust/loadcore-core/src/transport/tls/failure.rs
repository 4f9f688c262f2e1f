//! Why TLS did not come about, or broke: each cause that rustls knows as an outcome.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible, PeerMisbehaved};

use super::verify::is_authority;
use crate::record::Outcome;

/// TLS ended a connection: how it is reported, inside an [`io::Error`].
#[derive(Debug)]
pub(super) struct Broken(pub(super) Outcome);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.cause())
    }
}

impl std::error::Error for Broken {}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        Self::new(io::ErrorKind::InvalidData, broken)
    }
}

/// The outcome of an error in a handshake, or after it. `is_asked`: the server has asked for a client certificate.
pub(super) fn outcome(error: &Error, is_asked: bool) -> Outcome {
    match error {
        Error::InvalidCertificate(reason) => certificate_outcome(reason),
        Error::InvalidMessage(_) => Outcome::TlsNotTls,
        Error::AlertReceived(alert) => alert_outcome(*alert, is_asked),
        Error::PeerIncompatible(reason) => incompatible_outcome(reason),
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) | Error::NoApplicationProtocol => {
            Outcome::TlsAlpn
        }
        _ => Outcome::TlsHandshake,
    }
}

fn certificate_outcome(reason: &CertificateError) -> Outcome {
    match reason {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Outcome::TlsCertExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Outcome::TlsCertHostname,
        CertificateError::UnknownIssuer => Outcome::TlsCertUntrusted,
        CertificateError::BadSignature => Outcome::TlsCertSignature,
        CertificateError::Revoked => Outcome::TlsCertRevoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Outcome::TlsCertPurpose,
        _ if is_authority(reason) => Outcome::TlsCertAuthority,
        _ => Outcome::TlsCertInvalid,
    }
}

fn alert_outcome(alert: AlertDescription, is_asked: bool) -> Outcome {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => Outcome::TlsClientCert,
        // What servers of TLS 1.2 say when the certificate that they asked for does not come.
        AlertDescription::HandshakeFailure if is_asked => Outcome::TlsClientCert,
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => Outcome::TlsCipher,
        AlertDescription::ProtocolVersion => Outcome::TlsVersion,
        AlertDescription::NoApplicationProtocol => Outcome::TlsAlpn,
        AlertDescription::UnrecognisedName => Outcome::TlsName,
        AlertDescription::InternalError => Outcome::TlsInternalError,
        _ => Outcome::TlsAlert,
    }
}

fn incompatible_outcome(reason: &PeerIncompatible) -> Outcome {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => Outcome::TlsVersion,
        _ => Outcome::TlsCipher,
    }
}
