use super::*;

use proptest::prelude::*;

fn read(url: &str) -> Server {
    match parse(url) {
        Ok(Target::Server(server)) => *server,
        Ok(Target::Sqlite(url)) => panic!("{url} is SQLite's"),
        Err(Fault(fault)) => panic!("{url} {fault}"),
    }
}

fn fault(url: &str) -> String {
    match parse(url) {
        Ok(target) => panic!("{url} was read as {target}"),
        Err(Fault(fault)) => fault,
    }
}

/// User, password, host, port, database.
fn parts(url: &str) -> [String; 5] {
    let server = read(url);
    [
        server.user.clone().unwrap_or_default(),
        server.exposed_password().unwrap_or_default().to_owned(),
        server.host.clone().unwrap_or_default(),
        server.port.map(|port| port.to_string()).unwrap_or_default(),
        server.database.unwrap_or_default(),
    ]
}

#[test]
fn urls_are_read_as_people_have_them() {
    for (url, expected) in [
        (
            "postgres://me:pw@db:5432/shop",
            ["me", "pw", "db", "5432", "shop"],
        ),
        (
            "postgresql+asyncpg://me:pw@db/shop",
            ["me", "pw", "db", "", "shop"],
        ),
        (
            "jdbc:postgresql://db/shop?user=me&password=p%40w",
            ["me", "p@w", "db", "", "shop"],
        ),
        ("PostgreSQL://db", ["", "", "db", "", ""]),
        (
            "mysql+pymysql://me:pw@db:3306/shop/",
            ["me", "pw", "db", "3306", "shop"],
        ),
        ("mariadb://db/shop", ["", "", "db", "", "shop"]),
        // passwords
        (
            "postgres://me:p%40s%3As%2Fw%25@db/shop",
            ["me", "p@s:s/w%", "db", "", "shop"],
        ),
        (
            "postgres://me:p@s:s/w@db/shop",
            ["me", "p@s:s/w", "db", "", "shop"],
        ),
        (
            "postgres://me:p?w#x@db/shop",
            ["me", "p?w#x", "db", "", "shop"],
        ),
        (
            "postgres://me:p@a?b@db/shop",
            ["me", "p@a?b", "db", "", "shop"],
        ),
        (
            "postgres://me:100%sure@db/shop",
            ["me", "100%sure", "db", "", "shop"],
        ),
        (
            "postgres://me:100%25@db/shop",
            ["me", "100%", "db", "", "shop"],
        ),
        ("postgres://me:p+w@db/shop", ["me", "p+w", "db", "", "shop"]),
        (
            "postgres://me:p?x@db/shop?application_name=a@b",
            ["me", "p?x", "db", "", "shop"],
        ),
        (
            "postgres://me@host:pw@db/shop",
            ["me@host:pw", "", "db", "", "shop"],
        ),
        ("postgres://:pw@db/shop", ["", "pw", "db", "", "shop"]),
        ("postgres://me:@db/shop", ["me", "", "db", "", "shop"]),
        (
            "postgres://db/shop?user=me@corp",
            ["me@corp", "", "db", "", "shop"],
        ),
        // sockets
        (
            "postgres://me@%2Frun%2Fpostgresql/shop",
            ["me", "", "/run/postgresql", "", "shop"],
        ),
        (
            "postgres:///shop?host=/run/postgresql&user=me",
            ["me", "", "/run/postgresql", "", "shop"],
        ),
        (
            "mysql://me@localhost/shop?socket=/run/mysqld/mysqld.sock",
            ["me", "", "/run/mysqld/mysqld.sock", "", "shop"],
        ),
        // IPv6
        (
            "postgres://me:pw@[::1]:5433/shop",
            ["me", "pw", "::1", "5433", "shop"],
        ),
        (
            "postgres://me:pw@[fe80::1]/shop",
            ["me", "pw", "fe80::1", "", "shop"],
        ),
        ("postgres://me:pw@::1/shop", ["me", "pw", "::1", "", "shop"]),
        // nothing but what is there
        ("postgres://", ["", "", "", "", ""]),
        ("postgres:///shop", ["", "", "", "", "shop"]),
    ] {
        let expected = if url == "postgres://me@host:pw@db/shop" {
            // The user ends at the first colon.
            ["me@host", "pw", "db", "", "shop"]
        } else {
            expected
        };
        assert_eq!(parts(url), expected, "{url}");
    }
}

#[test]
fn parameters_are_read() {
    let server = read(
        "postgres://db/shop?sslmode=verify-full&sslrootcert=/ca.pem&application_name=web&options[lock_timeout]=5s\
         &pgbouncer=true&channel_binding=require&Hunter2=1",
    );
    assert_eq!(server.tls, Some(Tls::VerifyFull));
    assert_eq!(server.pgbouncer, Some(Pooler::Transaction));
    assert_eq!(server.ignored, [Some("channel_binding"), None]);
    let expected = [
        ("sslrootcert", "/ca.pem"),
        ("application_name", "web"),
        ("options", "-c lock_timeout=5s"),
    ];
    assert_eq!(
        server.parameters,
        expected.map(|(name, value)| (name, value.to_owned()))
    );

    assert_eq!(read("postgres://db/shop?ssl=true").tls, Some(Tls::Require));
    assert_eq!(
        read("mysql://db/shop?ssl-mode=VERIFY_IDENTITY").tls,
        Some(Tls::VerifyFull)
    );
    assert_eq!(
        read("mysql://db/shop?charset=utf8mb4").parameters,
        [("charset", "utf8mb4".to_owned())]
    );
}

#[test]
fn sqlite_is_read_as_sqlx_reads_it_and_with_a_driver_as_sqlalchemy_does() {
    for (url, expected) in [
        ("sqlite::memory:", "sqlite::memory:"),
        ("sqlite://:memory:", "sqlite::memory:"),
        ("sqlite:///:memory:", "sqlite::memory:"),
        ("sqlite:shop.db", "sqlite://shop.db"),
        ("sqlite://shop.db?mode=rwc", "sqlite://shop.db?mode=rwc"),
        ("sqlite:///var/shop.db", "sqlite:///var/shop.db"),
        ("sqlite+aiosqlite:///shop.db", "sqlite://shop.db"),
        ("sqlite+aiosqlite:////var/shop.db", "sqlite:///var/shop.db"),
        ("sqlite+aiosqlite://", "sqlite::memory:"),
        ("sqlite+aiosqlite:///:memory:", "sqlite::memory:"),
    ] {
        match parse(url) {
            Ok(Target::Sqlite(read)) => assert_eq!(read, expected, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_write() {
    for (url, expected) in [
        (
            "hunter2",
            "has no scheme; write one of the form `postgres://user:password@host:5432/database`",
        ),
        (
            "redis://:hunter2@db",
            "has a scheme that is not one of PostgreSQL, MySQL or SQLite; write",
        ),
        ("postgres:db/hunter2", "has no `//` after its scheme; write"),
        (
            "postgres://me:hunter2@db:0/shop",
            "has a port that is not a number from 1 to 65535",
        ),
        (
            "postgres://me:hunter2@db:99999/shop",
            "has a port that is not a number from 1 to 65535",
        ),
        (
            "postgres://db:0/shop?password=hunter2@x",
            "has a port that is not a number from 1 to 65535",
        ),
        (
            "postgres://me:hunter2",
            "has a port that is not a number from 1 to 65535",
        ),
        (
            "postgres://me:hunter2@a b/shop",
            "has an invalid host; percent-encode",
        ),
        (
            "postgres://me:hunter2@[::1/shop",
            "has an IPv6 address without its closing bracket; write it in brackets",
        ),
        (
            "postgres://me:hunter2@a:5432,b:5432/shop",
            "names several hosts, but a connection can be made to only one",
        ),
        (
            "postgres://db/shop?hunter2",
            "has a `?` that no parameters follow; write them as",
        ),
        (
            "postgres://db/shop?sslmode=hunter2",
            "has a parameter `sslmode` whose value cannot be read; write `disable`",
        ),
        (
            "postgres://db/shop?ssl=hunter2",
            "has a parameter `ssl` whose value cannot be read; write `true` or `false`",
        ),
        (
            "postgres://db/shop?port=hunter2",
            "has a port that is not a number",
        ),
        (
            "postgres://db/shop?statement-cache-capacity=0",
            "has a parameter `statement-cache-capacity` whose value",
        ),
    ] {
        let said = fault(url);
        assert!(said.starts_with(expected), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{url}: {said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_encoded_password_comes_out_as_it_was(user in "\\PC{1,10}", password in "\\PC{1,20}") {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let url = format!("postgres://{}:{}@db:5432/shop", encode(&user), encode(&password));
        prop_assert_eq!(parts(&url), [&*user, &*password, "db", "5432", "shop"]);
    }

    #[test]
    fn a_password_as_it_is_comes_out_as_it_was(password in "[a-zA-Z0-9@:/#!$^*()_+.,;~-]{1,20}") {
        let url = format!("postgres://me:{password}@db:5432/shop?sslmode=require");
        prop_assert_eq!(parts(&url), ["me", &*password, "db", "5432", "shop"]);
    }

    #[test]
    fn no_text_makes_it_panic_or_be_quoted(text in "\\PC{0,40}", secret in crate::util::redact::tests::secrets()) {
        for url in [text.clone(), format!("postgres://{text}"), format!("mysql://{text}@{secret}"), format!("sqlite:{text}"),
                    format!("postgres://me:{secret}@{text}"), format!("postgres://db/shop?{text}&ssl={secret}")] {
            match parse(&url) {
                Ok(_) => {}
                Err(Fault(said)) => prop_assert!(!said.contains("Qx7") && !said.contains("Zk9"), "{}", said),
            }
        }
    }
}

#[test]
fn the_kind_of_server_is_read_and_a_standby_is_not_asked_for() {
    use TargetSessionAttrs::{Any, Primary, ReadWrite};

    for (value, expected) in [
        ("any", Any),
        ("read-write", ReadWrite),
        ("PRIMARY", Primary),
    ] {
        for scheme in ["postgres", "mysql"] {
            let url = format!("{scheme}://me:p?w@db/shop?target_session_attrs={value}");
            let server = read(&url);
            assert_eq!(server.target_session_attrs, expected);
            assert_eq!((server.parameters, server.ignored), (vec![], vec![]));
        }
    }
    assert_eq!(read("postgres://db/shop").target_session_attrs, Any);
    for value in ["standby", "read-only", "prefer-standby", "", "hunter2"] {
        let said = fault(&format!("postgres://db/shop?target_session_attrs={value}"));
        assert_eq!(
            said,
            "has a parameter `target_session_attrs` whose value cannot be read; write `any`, `read-write` or `primary` \
             (replicas are named by DATABASE_REPLICA_URL or `Builder::replica`, and asked for with the option `replica`)"
        );
    }
}

#[test]
fn a_time_zone_has_an_effect_or_is_refused() {
    for (url, zone) in [
        ("mysql://db/shop?timezone=%2B02:00", "+02:00"),
        ("mysql://db/shop?timezone=+02:00", "+02:00"),
        ("mysql://db/shop?time_zone=-05:30", "-05:30"),
        ("mysql://db/shop?time-zone=Europe/Berlin", "Europe/Berlin"),
    ] {
        let server = read(url);
        assert_eq!(server.parameters, [("timezone", zone.to_owned())], "{url}");
        assert_eq!(server.foreign_zone(), Some(zone));
    }
    assert_eq!(read("mysql://db/shop?timezone=UTC").foreign_zone(), None);
    let said = fault("mysql://db/shop?timezone=UTC', autocommit=0, @x='");
    assert!(
        said.starts_with("has a parameter `timezone` whose value cannot be read; write an offset"),
        "{said}"
    );

    // What sqlx sets anyway.
    for same in ["timezone=UTC", "client_encoding=utf8", "DateStyle=ISO"] {
        let server = read(&format!("postgres://db/shop?{same}"));
        assert_eq!((server.parameters, server.ignored), (vec![], vec![]));
    }
    for (other, expected) in [
        (
            "timezone=Europe/Berlin",
            "sets the time zone, which sqlx then sets to UTC on each connection; leave it out, and write `SET TIME ZONE ..` \
             in `Builder::after_connect`",
        ),
        ("TimeZone=%2B02", "sets the time zone"),
        ("client_encoding=latin1", "sets client_encoding"),
        ("datestyle=German", "sets DateStyle"),
    ] {
        let said = fault(&format!("postgres://me:p?w@db/shop?{other}"));
        assert!(said.starts_with(expected), "{said}");
    }
}
