//! Encrypted connections to real servers: with a certificate that is right, and with those that are not.

use std::path::PathBuf;

use demarcate::Error;
use demarcate::classify::{Category, Recovery};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority, whose certificate is in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut of = CertificateParams::new(vec![]).unwrap();
        of.distinguished_name.push(DnType::CommonName, name);
        of.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(of, KeyPair::generate().unwrap()).unwrap();
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for the host `localhost` that is valid to the end of the year, and its key.
    fn certificate(&self, until: i32) -> (String, String) {
        let mut of = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        of.distinguished_name.push(DnType::CommonName, "a server");
        of.not_after = rcgen::date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = of.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// That the connection is refused for good, with this advice.
#[track_caller]
fn is_refused(error: &Error, advice: &str) {
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains(advice), "{said}");
    let meaning = error.classification();
    assert_eq!(
        (meaning.category, meaning.retryable, meaning.recovery),
        (Category::Connection, false, Recovery::ContactAdministrator),
        "{said}"
    );
}

macro_rules! on_each_server {
    ($($module:ident, $server:ident, $encrypted:literal, $full:literal;)*) => {$(
        mod $module {
            use demarcate::$module::SessionFactory;
            use demarcate_tests::$server as Server;

            use super::*;

            async fn connect(url: &str, parameters: &str) -> Result<SessionFactory, Error> {
                SessionFactory::connect(&format!("{url}?{parameters}")).await
            }

            async fn is_encrypted(factory: SessionFactory) -> bool {
                let encrypted = factory.transaction(async |tx| {
                    let ask = sqlx::query_scalar::<_, bool>($encrypted);
                    Ok::<_, Error>(ask.fetch_one(&mut *tx).await?)
                });
                let encrypted = encrypted.await.unwrap();
                factory.close(crate::GRACE).await;
                encrypted
            }

            #[tokio::test]
            async fn a_certificate_is_right_or_it_is_said_what_is_wrong() {
                let (authority, other) = (Authority::new("an authority"), Authority::new("another"));
                let mut server = Server::start().await;
                let (certificate, key) = authority.certificate(2099);
                server.certify(&certificate, &key);
                server.stop().await;
                server.start_again().await;

                let url = server.url().to_owned();
                let named = url.replace("127.0.0.1", "localhost");
                let root = format!("sslrootcert={}", authority.file().display());
                let full = format!("sslmode={}&{root}", $full);
                for (url, parameters) in [
                    (&named, &*full),
                    (&url, &*format!("sslmode=verify-ca&{root}")),
                    (&url, "sslmode=require"),
                    (&url, "sslmode=prefer"),
                ] {
                    let connected = connect(url, parameters).await;
                    let connected = connected.unwrap_or_else(|error| panic!("{parameters}: {error:#}"));
                    assert!(is_encrypted(connected).await, "{parameters}");
                }
                let plain = connect(&url, "sslmode=disable").await.unwrap();
                assert!(!is_encrypted(plain).await);

                let advice = "write `sslrootcert=/path/to/ca.pem`";
                is_refused(&connect(&url, "sslmode=verify-ca").await.unwrap_err(), advice);
                let wrong = format!("sslmode=verify-ca&sslrootcert={}", other.file().display());
                is_refused(&connect(&url, &wrong).await.unwrap_err(), advice);

                let advice = "is for other names: write one of them as the host in the URL";
                is_refused(&connect(&url, &full).await.unwrap_err(), advice);

                let none = "sslmode=verify-ca&sslrootcert=/nowhere/ca.pem";
                let said = connect(&url, none).await.unwrap_err().to_string();
                assert!(said.contains("do `sslrootcert`, `sslcert` and `sslkey` name files?"), "{said}");

                let (certificate, key) = authority.certificate(2020);
                server.certify(&certificate, &key);
                server.stop().await;
                server.start_again().await;
                let expired = connect(&named, &full).await.unwrap_err();
                is_refused(&expired, "has expired: have it renewed");

                // As `openssl req -x509` makes one.
                let key = authority.issuer.key().serialize_pem();
                server.certify(&authority.issuer.pem(), &key);
                server.stop().await;
                server.start_again().await;
                let own = connect(&named, &full).await.unwrap_err();
                is_refused(&own, "shows the certificate of an authority as its own");
            }
        }
    )*};
}

on_each_server! {
    postgres, OwnPostgres, "select ssl from pg_stat_ssl where pid = pg_backend_pid()", "verify-full";
    mysql, OwnMariaDb,
        "select variable_value <> '' from information_schema.session_status where variable_name = 'Ssl_cipher'",
        "verify-identity";
}
