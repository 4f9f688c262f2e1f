//! What became of a request.

/// Declares [`Outcome`] with the stable name and the cause of each member, once.
macro_rules! outcomes {
    ($($(#[doc = $cause:literal])+ $variant:ident = $name:literal,)+) => {
        /// What became of a request: every request ends in exactly one of these.
        ///
        /// The names are stable: result files, reports and thresholds use them. A 4xx or 5xx status is [`Outcome::Ok`]:
        /// the exchange worked; whether the status is an error is for the step to say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Outcome { $($(#[doc = $cause])+ $variant,)+ }

        impl Outcome {
            /// All outcomes, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => concat!($($cause),+).trim_start(),)+ }
            }
        }
    };
}

outcomes! {
    /// A complete, well-formed response arrived.
    Ok = "ok",
    /// The user had read enough of a stream, and closed it before its end.
    Cut = "cut",
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain",
    /// No answer from the resolver in time.
    DnsTimeout = "dns_timeout",
    /// The resolver failed otherwise, or gave no address.
    DnsError = "dns_error",
    /// Nothing listens at the address.
    ConnectRefused = "connect_refused",
    /// No answer to the connection attempt in time.
    ConnectTimeout = "connect_timeout",
    /// No route to the address.
    ConnectUnreachable = "connect_unreachable",
    /// The connection attempt was reset.
    ConnectReset = "connect_reset",
    /// Every local port towards the address is in use. Not sent.
    AddrUnavailable = "addr_unavailable",
    /// No file descriptor was left. Not sent.
    FdLimit = "fd_limit",
    /// The other side does not speak TLS.
    TlsNotTls = "tls_not_tls",
    /// The connection was closed or reset during the handshake, or a message of it was malformed.
    TlsHandshake = "tls_handshake",
    /// The handshake did not end in time.
    TlsTimeout = "tls_timeout",
    /// The server speaks neither TLS 1.2 nor TLS 1.3.
    TlsVersion = "tls_version",
    /// There is no cipher suite, key exchange or signature algorithm in common (alert `handshake_failure`).
    TlsCipher = "tls_cipher",
    /// The server does not speak HTTP/1.1 over TLS: HTTP/2 only, most often (alert `no_application_protocol`).
    TlsAlpn = "tls_alpn",
    /// The server does not know the name it was asked for (alert `unrecognized_name`).
    TlsName = "tls_name",
    /// The server demands a client certificate (alert `certificate_required`, say).
    TlsClientCert = "tls_client_cert",
    /// The server failed within TLS (alert `internal_error`).
    TlsInternalError = "tls_internal_error",
    /// The server ended TLS by another alert.
    TlsAlert = "tls_alert",
    /// The certificate has expired or is not valid yet.
    TlsCertExpired = "tls_cert_expired",
    /// The certificate's issuer is not trusted.
    TlsCertUntrusted = "tls_cert_untrusted",
    /// The certificate is for another name.
    TlsCertHostname = "tls_cert_hostname",
    /// The certificate is an authority's (CA:TRUE), and is not itself one of `ca_file`.
    TlsCertAuthority = "tls_cert_authority",
    /// The certificate was signed by another key than that of the trusted issuer of this name.
    TlsCertSignature = "tls_cert_signature",
    /// The certificate was revoked.
    TlsCertRevoked = "tls_cert_revoked",
    /// The certificate is not for servers.
    TlsCertPurpose = "tls_cert_purpose",
    /// The certificate cannot be read, or holds what cannot be checked.
    TlsCertInvalid = "tls_cert_invalid",
    /// The connection was reset while the request was being sent, and no response came.
    SendReset = "send_reset",
    /// The connection was closed while the request was being sent, and no response came.
    SendBrokenPipe = "send_broken_pipe",
    /// A new connection was closed before the first byte of the response.
    ClosedBeforeResponse = "closed_before_response",
    /// A new connection was reset before the first byte of the response.
    ResetBeforeResponse = "reset_before_response",
    /// A used connection was closed or reset before the first byte, and the request may not be sent again.
    StaleConnection = "stale_connection",
    /// The head of the response did not come in time.
    TimeoutHeaders = "timeout_headers",
    /// The connection was closed within the head.
    ClosedInHeaders = "closed_in_headers",
    /// The connection was reset within the head.
    ResetInHeaders = "reset_in_headers",
    /// The first bytes are not HTTP.
    ProtoNotHttp = "proto_not_http",
    /// The server speaks HTTP/2 only.
    ProtoHttp2 = "proto_http2",
    /// The server speaks TLS: the URL says `http`, and the port speaks `https`.
    ProtoTls = "proto_tls",
    /// The status line is malformed.
    ProtoStatusLine = "proto_status_line",
    /// The version is neither HTTP/1.0 nor HTTP/1.1.
    ProtoVersion = "proto_version",
    /// A header line is malformed.
    ProtoHeader = "proto_header",
    /// The head is larger than the limit.
    ProtoHeaderTooLarge = "proto_header_too_large",
    /// The head has more lines than the limit.
    ProtoTooManyHeaders = "proto_too_many_headers",
    /// `Content-Length` is not one number.
    ProtoContentLength = "proto_content_length",
    /// `Transfer-Encoding` is not one final `chunked`.
    ProtoTransferEncoding = "proto_transfer_encoding",
    /// `Content-Length` and `Transfer-Encoding` contradict each other.
    ProtoFramingConflict = "proto_framing_conflict",
    /// More interim responses than the limit.
    ProtoTooMany1xx = "proto_too_many_1xx",
    /// The server switched protocols unasked.
    ProtoUnexpected101 = "proto_unexpected_101",
    /// The connection was closed before the body's end.
    ClosedInBody = "closed_in_body",
    /// The connection was reset before the body's end.
    ResetInBody = "reset_in_body",
    /// The body did not end in time.
    TimeoutBody = "timeout_body",
    /// A chunk is malformed, or its extensions are over the limit.
    ProtoChunk = "proto_chunk",
    /// A trailer is malformed, or the trailers are over the limit.
    ProtoTrailer = "proto_trailer",
    /// The body is larger than the limit.
    BodyTooLarge = "body_too_large",
    /// Bytes came that belong to no request.
    ProtoSurplus = "proto_surplus",
    /// More redirects than the limit.
    RedirectLoop = "redirect_loop",
    /// The redirect's `Location` is missing or no usable URL.
    RedirectInvalid = "redirect_invalid",
    /// The whole exchange did not end in time, though bytes kept coming.
    TimeoutTotal = "timeout_total",
    /// The run ended before the response did.
    Interrupted = "interrupted",
    /// No token could be had, so the request was not sent.
    AuthFailed = "auth_failed",
    /// A value did not fit into the request (CR or LF in a head, say), so it was not sent.
    RequestInvalid = "request_invalid",
    /// loadcore failed. A bug: please report it.
    InternalError = "internal_error",
}

impl Outcome {
    /// Whether a response arrived, as far as it was wanted.
    #[inline]
    #[must_use]
    pub const fn is_answered(self) -> bool {
        matches!(self, Self::Ok | Self::Cut)
    }

    /// Whether the client itself was the cause: too few descriptors or ports.
    #[must_use]
    pub const fn client_limit(self) -> bool {
        matches!(self, Self::FdLimit | Self::AddrUnavailable)
    }
}
