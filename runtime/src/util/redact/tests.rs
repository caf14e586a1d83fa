//! Tests of the redaction, with examples and with generated secrets.

use super::*;

use proptest::prelude::*;

#[test]
fn a_secret_is_taken_out_of_every_shape() {
    for (text, redacted) in [
        // URLs
        ("postgres://me:secret@db/shop", "postgres://me:***@db/shop"),
        (
            "postgres://me:se:cr/et?#%@db:5432/shop?sslmode=require",
            "postgres://me:***@db:5432/shop?sslmode=require",
        ),
        (
            "postgres://me:se cr\"et@db/shop",
            "postgres://me:***@db/shop",
        ),
        ("postgres://:secret@db/shop", "postgres://:***@db/shop"),
        (
            "postgres://me%3Asecret@db/shop",
            "postgres://me%3A***@db/shop",
        ),
        (
            "postgresql+asyncpg://me:secret@[::1]:5432/shop",
            "postgresql+asyncpg://me:***@[::1]:5432/shop",
        ),
        (
            "postgres://me:sec://ret@db/shop",
            "postgres://me:***@db/shop",
        ),
        ("postgres://me:secret/shop", "postgres://me:***"),
        ("postgres://me:secret", "postgres://me:***"),
        ("https://ghp_token@github.com/x", "https://***@github.com/x"),
        (
            "mysql://db/shop?user=me&password=sec&ret&charset=utf8",
            "mysql://db/shop?user=me&password=***&charset=utf8",
        ),
        (
            "mysql://db/shop?pass%77ord=secret",
            "mysql://db/shop?pass%77ord=***",
        ),
        (
            "mysql://db/shop?sslPassword=sec ret",
            "mysql://db/shop?sslPassword=***",
        ),
        (
            "libsql://db/?authToken=secret#x",
            "libsql://db/?authToken=***",
        ),
        ("me:secret@db/shop", "me:***@db/shop"),
        ("postgres:me:secret@db/shop", "postgres:***@db/shop"),
        // in a text
        (
            "cannot reach \"postgres://me:secret@db/shop\"; is it up?",
            "cannot reach \"postgres://me:***@db/shop\"; is it up?",
        ),
        (
            "first postgres://a:secret@b then mysql://c:secret@d",
            "first postgres://a:***@b then mysql://c:***@d",
        ),
        // pairs
        (
            "host=db password='sec\\' ret' user=me",
            "host=db password='***' user=me",
        ),
        (
            "host=db password=secret user=me",
            "host=db password=*** user=me",
        ),
        ("PGPASSWORD=secret psql", "PGPASSWORD=*** psql"),
        (
            "{\"password\": \"secret\", \"host\": \"db\"}",
            "{\"password\": \"***\", \"host\": \"db\"}",
        ),
        (
            "Options { password: Some(\"secret\"), port: 1 }",
            "Options { password: Some(\"***\"), port: 1 }",
        ),
        (
            "\"Options { password: Some(\\\"secret\\\"), port: 1 }\"",
            "\"Options { password: Some(\\\"***\\\"), port: 1 }\"",
        ),
        ("api_key=secret", "api_key=***"),
        ("Authorization: Bearer secret", "Authorization: Bearer ***"),
        // SQL, as a server quotes it
        (
            "near \"alter role me password 'secret'\"",
            "near \"alter role me password '***'\"",
        ),
        (
            "near 'IDENTIFIED BY 'secret'' at line 1",
            "near 'IDENTIFIED BY '***",
        ),
        (
            "near 'IDENTIFIED BY 'sec''ret' at line 1",
            "near 'IDENTIFIED BY '***' at line 1",
        ),
    ] {
        assert_eq!(redact(text), redacted, "{text}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "",
        "postgres://localhost:5432/shop?sslmode=require",
        "postgres://[::1]:5432/shop",
        "postgres://me@db/shop",
        "cannot connect to postgres://db:5432: connection refused",
        "src/orders.rs:12: no database `shop`",
        "error returned from database: password authentication failed for user \"me\"",
        "Access denied for user 'me'@'localhost' (using password: YES)",
        "duplicate key value violates unique constraint \"orders_sku_key\"",
        "Key (sku)=(tea) already exists.",
        "syntax error at or near \"selct\"",
        "mail me@example.com",
    ] {
        assert_eq!(redact(text), text);
    }
}

/// Secrets made of what makes URLs ambiguous, between two marks that are told apart from everything else.
pub(crate) fn secrets() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9@:/?#%&=+.,;!$'()*~_^ -]{0,12}(://)?".prop_map(|inside| format!("Qx7{inside}Zk9"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_url_keeps_its_password(
        scheme in "(postgres|postgresql|mysql|mariadb|sqlite|https|postgresql\\+asyncpg)",
        user in "[a-z]{0,8}",
        secret in secrets(),
        host in "(db|db\\.internal|\\[::1\\]|127\\.0\\.0\\.1|%2Frun|)(:5432)?",
        tail in "(/shop)?(\\?sslmode=require)?",
        before in "(connecting to |error: \"|`|)",
        after in "( failed|\"|`: no|)",
    ) {
        let text = format!("{before}{scheme}://{user}:{secret}@{host}{tail}{after}");
        let said = redact(&text);
        prop_assert!(!said.contains("Qx7") && !said.contains("Zk9"), "{} of {}", said, text);
    }

    #[test]
    fn no_parameter_keeps_its_secret(
        name in "(password|sslpassword|PASSWORD|token|access_token|apiKey|api-key|client_secret|sslkey|pass%77ord)",
        secret in secrets(),
        place in "(db|me@db|\\[::1\\]:5432)/shop\\?(sslmode=require&|)",
        tail in "(&charset=utf8|)",
    ) {
        // `&a=` in it would be another parameter to everybody.
        let secret = secret.replace('=', "");
        let text = format!("postgres://{place}{name}={secret}{tail}");
        let said = redact(&text);
        prop_assert!(!said.contains("Qx7") && !said.contains("Zk9"), "{} of {}", said, text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", more in "[ -~]{0,60}") {
        redact(&text);
        redact(&more);
        redact(&format!("postgres://{text}@{more}"));
        redact(&format!("password={text}'{more}"));
    }
}
