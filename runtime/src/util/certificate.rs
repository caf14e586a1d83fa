//! Why a TLS handshake has failed, from the text of the TLS library.

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    /// No trusted authority has signed it.
    UnknownAuthority,
    Expired,
    NotYetValid,
    /// It is for another host.
    OtherHost,
    /// It is the certificate of an authority, and not of a server.
    Authority,
    /// It is of version 1, which has no names.
    OldVersion,
    /// The other side refuses this side's certificate, or asks for one.
    OfClient,
    /// Something else.
    Other,
}

impl CertificateFault {
    /// Finds the fault in an error of rustls or of OpenSSL. Their texts are always English. `None` if the error is not about
    /// a certificate.
    pub(crate) fn find(text: &str) -> Option<Self> {
        const TEXTS: [(&str, CertificateFault); 23] = [
            // rustls
            ("UnknownIssuer", CertificateFault::UnknownAuthority),
            ("certificate expired", CertificateFault::Expired),
            ("certificate: Expired", CertificateFault::Expired),
            ("certificate not valid yet", CertificateFault::NotYetValid),
            ("certificate: NotValidYet", CertificateFault::NotYetValid),
            (
                "certificate not valid for name",
                CertificateFault::OtherHost,
            ),
            ("certificate: NotValidForName", CertificateFault::OtherHost),
            ("CaUsedAsEndEntity", CertificateFault::Authority),
            ("UnsupportedCertVersion", CertificateFault::OldVersion),
            (
                "fatal alert: CertificateRequired",
                CertificateFault::OfClient,
            ),
            ("fatal alert: BadCertificate", CertificateFault::OfClient),
            ("fatal alert: UnknownCA", CertificateFault::OfClient),
            (
                "fatal alert: CertificateUnknown",
                CertificateFault::OfClient,
            ),
            (
                "fatal alert: CertificateExpired",
                CertificateFault::OfClient,
            ),
            ("invalid peer certificate", CertificateFault::Other),
            // OpenSSL
            (
                "self-signed certificate",
                CertificateFault::UnknownAuthority,
            ),
            (
                "self signed certificate",
                CertificateFault::UnknownAuthority,
            ),
            (
                "unable to get local issuer certificate",
                CertificateFault::UnknownAuthority,
            ),
            ("certificate has expired", CertificateFault::Expired),
            (
                "certificate is not yet valid",
                CertificateFault::NotYetValid,
            ),
            ("ostname mismatch", CertificateFault::OtherHost),
            ("IP address mismatch", CertificateFault::OtherHost),
            ("certificate verify failed", CertificateFault::Other),
        ];
        let found = TEXTS.into_iter().find(|(part, _)| text.contains(part));
        found.map(|(_, fault)| fault)
    }

    /// Returns what to do about it.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "no authority that is trusted here has signed the server's certificate: write \
                 `sslrootcert=/path/to/ca.pem` with the certificate of the one that has"
            }
            Self::Expired => {
                "the server's certificate has expired: have it renewed, and look at the clock of this machine"
            }
            Self::NotYetValid => {
                "the server's certificate is not valid yet: look at the clock of this machine"
            }
            Self::OtherHost => {
                "the server's certificate is for other names: write one of them as the host in the URL, or have this one \
                 added to the certificate; `sslmode=verify-ca` does not compare names"
            }
            Self::Authority => {
                "the server shows the certificate of an authority as its own: have that authority sign one for the server \
                 (`basicConstraints=CA:FALSE`, `subjectAltName`)"
            }
            Self::OldVersion => {
                "the server's certificate is of version 1, which has no names: have one of version 3 issued, with \
                 `subjectAltName`"
            }
            Self::OfClient => {
                "the server asks for a certificate of this program, or refuses the one that it got: write \
                 `sslcert=/path/to/client.pem` and `sslkey=/path/to/client.key`"
            }
            Self::Other => {
                "the server's certificate is refused: have another issued, or look at `sslrootcert` and `sslmode`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_in_the_texts_of_both_libraries() {
        for (text, fault) in [
            (
                "invalid peer certificate: UnknownIssuer",
                Some(CertificateFault::UnknownAuthority),
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX), but certificate is not valid \
                 after 1 (1 seconds ago)",
                Some(CertificateFault::Expired),
            ),
            (
                "invalid peer certificate: certificate not valid for name \"db\"; certificate is only valid for DnsName(\"x\")",
                Some(CertificateFault::OtherHost),
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                Some(CertificateFault::Authority),
            ),
            (
                "invalid peer certificate: BadEncoding",
                Some(CertificateFault::Other),
            ),
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed: (self-signed \
                 certificate in certificate chain)",
                Some(CertificateFault::UnknownAuthority),
            ),
            (
                "certificate verify failed: (certificate has expired)",
                Some(CertificateFault::Expired),
            ),
            (
                "certificate verify failed: (Hostname mismatch)",
                Some(CertificateFault::OtherHost),
            ),
            ("server does not support TLS", None),
            ("connection reset by peer", None),
        ] {
            assert_eq!(CertificateFault::find(text), fault, "{text}");
        }
    }
}
