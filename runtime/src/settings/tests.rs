use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
#[cfg(all(feature = "postgres", feature = "mysql"))]
use crate::factory::SessionFactory;
use crate::util::redact::tests::secrets;

fn read<const N: usize>(variables: [(&str, &str); N]) -> Settings {
    Settings::from_variables(variables).unwrap()
}

fn said<const N: usize>(variables: [(&str, &str); N]) -> String {
    match Settings::from_variables(variables) {
        Ok(settings) => panic!("it was read: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_that_names_a_database_is_taken_and_the_others_are_not_mixed_in() {
    let all = [
        ("DATABASE_URL", "postgres://one/a"),
        ("DB_HOST", "two"),
        ("DB_NAME", "b"),
        ("DB_PASSWORD", "hunter2"),
        ("SUPABASE_POOLER_HOST", "three"),
        ("SUPABASE_POOLER_USER", "u"),
        ("SUPABASE_POOLER_PASSWORD", "p"),
        ("PGHOST", "four"),
    ];
    for (left_out, source, shown) in [
        (0, Source::DatabaseUrl, "postgres://one/a"),
        (1, Source::DbVariables, ":***@two/b"),
        (
            4,
            Source::SupabasePooler,
            "postgres://u:***@three:6543/postgres",
        ),
        (7, Source::PgVariables, "postgres://four"),
        (8, Source::Embedded, "sqlite://development.db"),
    ] {
        let settings = Settings::from_variables(all[left_out..].iter().copied()).unwrap();
        assert_eq!(
            (settings.source(), settings.to_string().as_str()),
            (source, shown)
        );
    }
}

/// A variable that is read and not listed could be misspelt unnoticed.
#[test]
fn the_variables_that_are_read_are_those_that_are_listed() {
    let sources: [&[(&str, &str)]; 7] = [
        &[],
        &[("DATABASE_URL", "postgres://db/shop")],
        &[("DB_HOST", "db"), ("DB_NAME", "shop")],
        &[
            ("SUPABASE_POOLER_HOST", "db"),
            ("SUPABASE_POOLER_USER", "me"),
            ("SUPABASE_POOLER_PASSWORD", "p"),
        ],
        &[("PGHOST", "db")],
        &[("PGHOSTADDR", "10.0.0.1")],
        &[("ENVIRONMENT", "production")],
    ];
    let mut asked = BTreeSet::new();
    for source in sources {
        let variables: Variables = source.iter().copied().collect();
        Settings::read(&variables).ok();
        asked.append(&mut variables.asked());
    }
    let listed: BTreeSet<_> = names::KNOWN.map(str::to_owned).into();
    assert_eq!(asked, listed);
}

/// The documentation lists them as well; a common prefix may be left out there.
#[test]
fn the_variables_that_are_listed_are_documented() {
    let source = include_str!("mod.rs");
    let (documented, _) = source.split_once("pub struct Settings").unwrap();
    for name in names::KNOWN {
        let rest = name.strip_prefix("SUPABASE_POOLER");
        let short = rest.map(|rest| format!("`{rest}`"));
        assert!(
            documented.contains(&format!("`{name}`"))
                || short.is_some_and(|short| documented.contains(&short)),
            "{name}"
        );
    }
}

#[test]
fn an_empty_variable_is_not_set() {
    let settings = read([
        ("DATABASE_URL", " "),
        ("DB_HOST", ""),
        ("PGDATABASE", "shop"),
        ("DB_POOL_SIZE", ""),
    ]);
    assert_eq!(settings.source(), Source::PgVariables);
    assert_eq!(settings.pool, Environment::Development.pool());
}

#[test]
fn only_development_makes_do_with_a_file() {
    assert_eq!(read([]).source(), Source::Embedded);
    assert_eq!(read([("ENVIRONMENT", "dev")]).source(), Source::Embedded);
    for environment in ["test", "staging", "production"] {
        assert_eq!(
            said([("ENVIRONMENT", environment)]),
            format!(
                "no database is named, and in {environment} there is no default; set DATABASE_URL, or DB_HOST, \
                 DB_USER, DB_PASSWORD and DB_NAME"
            )
        );
    }
}

#[test]
fn the_environment_chooses_the_pool_and_variables_override_it() {
    let production = read([
        ("ENVIRONMENT", "PROD"),
        ("DATABASE_URL", "postgres://db/shop"),
    ]);
    assert_eq!(production.environment, Environment::Production);
    assert_eq!(production.pool, Environment::Production.pool());
    assert_eq!((production.sql_echo, production.log_level), (false, None));

    let settings = read([
        ("DATABASE_URL", "postgres://db/shop"),
        ("DB_POOL_SIZE", "7"),
        ("DB_MAX_OVERFLOW", "0"),
        ("DB_POOL_TIMEOUT", "250ms"),
        ("DB_POOL_RECYCLE", "-1"),
        ("DB_IDLE_TIMEOUT", "90"),
        ("DB_POOLER", "session"),
        ("SQL_ECHO", "True"),
        ("LOG_LEVEL", "WARNING"),
    ]);
    assert_eq!(settings.pool.max_connections(), 7);
    assert_eq!(settings.pool.timeout, Duration::from_millis(250));
    assert_eq!(settings.pool.recycle, None);
    assert_eq!(settings.pool.idle_timeout, Some(Duration::from_secs(90)));
    assert_eq!(settings.pooler, Pooler::Session);
    assert_eq!(
        (settings.sql_echo, settings.log_level),
        (true, Some(LevelFilter::WARN))
    );
}

#[test]
fn a_variable_that_cannot_be_read_is_named_with_what_to_write_and_not_quoted() {
    for (name, form) in [
        (
            "ENVIRONMENT",
            "`development`, `test`, `staging` or `production`",
        ),
        (
            "DB_POOL_SIZE",
            "a whole number from 1 to 10000, such as `DB_POOL_SIZE=10`",
        ),
        (
            "DB_MAX_OVERFLOW",
            "a whole number from 0 to 10000, such as `DB_MAX_OVERFLOW=10`",
        ),
        (
            "DB_POOL_TIMEOUT",
            "seconds, or a number with a unit up to 24 h, such as `DB_POOL_TIMEOUT=30` or `DB_POOL_TIMEOUT=500ms`",
        ),
        (
            "DB_POOL_RECYCLE",
            "seconds, a number with a unit up to 24 h, or `never`, such as `DB_POOL_RECYCLE=1800` or `DB_POOL_RECYCLE=30m`",
        ),
        (
            "DB_IDLE_TIMEOUT",
            "seconds, a number with a unit up to 24 h, or `never`, such as `DB_IDLE_TIMEOUT=1800` or `DB_IDLE_TIMEOUT=30m`",
        ),
        ("DB_POOLER", "`none`, `session` or `transaction`"),
        ("SQL_ECHO", "`SQL_ECHO=1` or `SQL_ECHO=0`"),
        (
            "LOG_LEVEL",
            "one of `off`, `error`, `warn`, `info`, `debug` and `trace`",
        ),
    ] {
        assert_eq!(
            said([("DATABASE_URL", "postgres://db/shop"), (name, "hunter2")]),
            format!("{name} has a value that cannot be read; write {form}")
        );
    }
    let said = said([("PGHOST", "db"), ("PGSSLMODE", "hunter2")]);
    assert!(
        said.starts_with("PGSSLMODE has a value that cannot be read; write `disable`"),
        "{said}"
    );
}

#[test]
fn half_a_database_is_an_error() {
    assert_eq!(
        said([("DB_NAME", "shop")]),
        "DB_NAME is set and DB_HOST is not; set DB_HOST too, or DATABASE_URL"
    );
    assert_eq!(
        said([("DB_HOST", "db"), ("DB_PASSWORD", "hunter2")]),
        "DB_HOST is set and DB_NAME is not; set DB_NAME to the database's name"
    );
    assert_eq!(
        said([("DB_HOST", "me:hunter2@db"), ("DB_NAME", "shop")]),
        "DB_HOST is not a host; write a name, an address or the directory of a socket, and the port in a variable of \
         its own"
    );
    assert_eq!(
        said([("DB_HOST", "db"), ("DB_NAME", "shop"), ("DB_PORT", "0")]),
        "DB_PORT has a value that cannot be read; write a port from 1 to 65535, such as `DB_PORT=5432`"
    );
    assert!(
        said([("SUPABASE_POOLER_HOST", "x")])
            .starts_with("SUPABASE_POOLER_HOST is set and SUPABASE_POOLER_USER is not")
    );
}

#[test]
fn a_pooler_shows_in_the_url() {
    for (url, pooler) in [
        ("postgres://db/shop", Pooler::None),
        ("postgres://db:6543/shop", Pooler::Transaction),
        ("postgres://db:6432/shop", Pooler::Transaction),
        ("postgres://db:6543/shop?pgbouncer=false", Pooler::None),
        ("postgres://db:6543/shop?pgbouncer=session", Pooler::Session),
        (
            "postgres://db:5432/shop?pgbouncer=true",
            Pooler::Transaction,
        ),
        (
            "postgres://u.ref:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
            Pooler::Transaction,
        ),
        (
            "postgres://u.ref:p@aws-0-eu-central-1.pooler.supabase.com:5432/postgres",
            Pooler::Session,
        ),
        (
            "postgres://u:p@ep-cool-sea-a1b2-pooler.eu-central-1.aws.neon.tech/shop",
            Pooler::Transaction,
        ),
        ("postgres://pgbouncer.internal/shop", Pooler::Transaction),
        ("mysql://db:3306/shop", Pooler::None),
        ("sqlite::memory:", Pooler::None),
    ] {
        assert_eq!(Settings::from_url(url).unwrap().pooler, pooler, "{url}");
    }
    assert_eq!(
        Settings::server("db", "shop").port(6543).pooler,
        Pooler::Transaction
    );
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql_gets_what_the_settings_say() {
    use sqlx::postgres::PgSslMode;

    let options = |settings: Settings| settings.options::<sqlx::Postgres>().unwrap();
    let settings = Settings::from_url("postgres://me:p@ss:w/%rd@[::1]:5433/a b?sslmode=require&application_name=web&sslpassword=x").unwrap();
    let read = options(settings);
    assert_eq!((read.get_host(), read.get_port()), ("::1", 5433));
    assert_eq!(
        (read.get_username(), read.get_database()),
        ("me", Some("a b"))
    );
    assert_eq!(read.get_application_name(), Some("web"));
    assert!(matches!(read.get_ssl_mode(), PgSslMode::Require));
    assert!(
        format!("{read:?}").contains("p@ss:w/%rd"),
        "the password is sqlx's to know"
    );

    let read = options(
        Settings::server("/run/postgresql", "shop")
            .user("me")
            .password("p@ss"),
    );
    assert_eq!(
        read.get_socket()
            .map(|path| path.display().to_string())
            .as_deref(),
        Some("/run/postgresql")
    );
}

#[cfg(feature = "mysql")]
#[test]
fn mysql_gets_what_the_settings_say() {
    let read = read([
        ("DB_HOST", "db"),
        ("DB_PORT", "3307"),
        ("DB_USER", "me"),
        ("DB_PASSWORD", "p@ss%"),
        ("DB_NAME", "shop"),
    ])
    .options::<sqlx::MySql>()
    .unwrap();
    assert_eq!((read.get_host(), read.get_port()), ("db", 3307));
    assert_eq!(
        (read.get_username(), read.get_database()),
        ("me", Some("shop"))
    );
    assert!(
        format!("{read:?}").contains("p@ss%"),
        "the password is sqlx's to know"
    );
    let read = Settings::from_url(
        "mysql://me@localhost/shop?socket=/run/m.sock&charset=latin1&ssl-mode=DISABLED",
    )
    .unwrap();
    let read = read.options::<sqlx::MySql>().unwrap();
    assert!(read.get_socket().is_some() && read.get_charset() == "latin1");
    assert!(matches!(
        read.get_ssl_mode(),
        sqlx::mysql::MySqlSslMode::Disabled
    ));
}

#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[test]
fn settings_of_another_database_are_refused() {
    let error = read([])
        .options::<sqlx::Postgres>()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "the settings name sqlite://development.db, from the default file of development, but this session factory is for \
         PostgreSQL; set DATABASE_URL to one of the form `postgres://user:password@host:5432/database`, or take \
         `demarcate::sqlite::SessionFactory`"
    );
    let settings = read([
        ("DATABASE_URL", "postgres://db/shop"),
        ("DATABASE_REPLICA_URL", "sqlite://shop.db"),
    ]);
    let error = settings.replica_options::<sqlx::Postgres>().remove(0);
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("DATABASE_REPLICA_URL: this is not a URL of PostgreSQL"),
        "{error}"
    );
    let error = Settings::from_url("\"postgres://db/shop\"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the URL begins with a quotation mark; remove the quotes"
    );
    let error = Settings::from_url("sqlite://shop.db?key=hunter2")
        .unwrap()
        .options::<sqlx::Sqlite>();
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("the URL has a parameter that SQLite does not support"),
        "{error}"
    );
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(work: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned()
}

#[test]
fn what_was_chosen_is_logged_once_and_without_secrets() {
    let log = logged(|| {
        read([
            (
                "DATABASE_URL",
                "postgres://me:hunter2@db:6543/shop?sslpassword=hunter3&channel_binding=require",
            ),
            ("ENVIRONMENT", "staging"),
        ]);
    });
    let lines: Vec<_> = log.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "INFO demarcate::settings: database settings: at most 20 connections: DB_POOL_SIZE 10 + DB_MAX_OVERFLOW 10 database=postgres://me:***@db:6543/shop source=DATABASE_URL \
             environment=staging pooler=transaction max_connections=20",
            "WARN demarcate::settings: sqlx does not support these parameters of the URL parameters=\"sslpassword, \
             channel_binding\" others=0",
        ]
    );
}

#[test]
fn the_most_connections_are_said_in_one_variable() {
    let read = |pairs: &[(&str, &str)]| {
        let fixed = [("DATABASE_URL", "postgres://db/shop")];
        Settings::from_variables(fixed.iter().chain(pairs).copied())
    };
    for (pairs, parts) in [
        (&[("DB_MAX_CONNECTIONS", "8")][..], (5, 3)),
        (&[("DB_MAX_CONNECTIONS", "3")], (3, 0)),
        (
            &[("DB_MAX_CONNECTIONS", "8"), ("ENVIRONMENT", "production")],
            (8, 0),
        ),
        (
            &[("DB_MAX_CONNECTIONS", "8"), ("DB_POOL_SIZE", "2")],
            (2, 6),
        ),
        (
            &[("DB_MAX_CONNECTIONS", "8"), ("DB_MAX_OVERFLOW", "0")],
            (8, 0),
        ),
        (
            &[
                ("DB_MAX_CONNECTIONS", "13"),
                ("DB_POOL_SIZE", "8"),
                ("DB_MAX_OVERFLOW", "5"),
            ],
            (8, 5),
        ),
    ] {
        let pool = read(pairs).unwrap().pool;
        assert_eq!((pool.size, pool.max_overflow), parts, "{pairs:?}");
    }
    for (pairs, message) in [
        (
            &[("DB_MAX_CONNECTIONS", "8"), ("DB_POOL_SIZE", "9")][..],
            "DB_MAX_CONNECTIONS is 8, but DB_POOL_SIZE is 9; remove DB_POOL_SIZE",
        ),
        (
            &[("DB_MAX_CONNECTIONS", "8"), ("DB_MAX_OVERFLOW", "8")],
            "DB_MAX_CONNECTIONS is 8, but DB_MAX_OVERFLOW is 8; remove DB_MAX_OVERFLOW",
        ),
        (
            &[
                ("DB_MAX_CONNECTIONS", "8"),
                ("DB_POOL_SIZE", "8"),
                ("DB_MAX_OVERFLOW", "5"),
            ],
            "DB_MAX_CONNECTIONS is 8, but DB_POOL_SIZE 8 + DB_MAX_OVERFLOW 5 are 13; remove DB_POOL_SIZE and DB_MAX_OVERFLOW",
        ),
        (
            &[("DB_MAX_CONNECTIONS", "0")],
            "a whole number from 1 to 10000, such as `DB_MAX_CONNECTIONS=10`",
        ),
    ] {
        let error = read(pairs).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let pool = read(&[("DB_POOL_SIZE", "8"), ("DB_MAX_OVERFLOW", "5")])
        .unwrap()
        .pool;
    assert_eq!(
        pool.to_string(),
        "at most 13 connections: DB_POOL_SIZE 8 + DB_MAX_OVERFLOW 5"
    );
}

fn shows(text: &str) -> bool {
    text.contains("Qx7") || text.contains("Zk9")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Every type that holds a URL, or an error about one, whatever the URL's shape.
    #[test]
    fn nothing_shows_a_secret(
        scheme in "(postgres|postgresql\\+asyncpg|mysql|mariadb|sqlite)",
        secret in secrets(),
        shape in 0..7usize,
        host in "(db|\\[::1\\]|%2Frun|a b|)(:5432|:0|:x|)",
    ) {
        let url = match shape {
            0 => format!("{scheme}://me:{secret}@{host}/shop"),
            1 => format!("{scheme}://{host}/shop?password={secret}"),
            2 => format!("{scheme}://{host}/shop?sslmode={secret}"),
            3 => format!("{scheme}://{host}/shop?sslpassword={secret}&token={secret}&statement-cache-capacity={secret}"),
            // What follows `@` would be the host to everybody.
            4 => format!("{scheme}://me:{}", secret.replace('@', "")),
            5 => format!("{scheme}:me:{secret}@{host}"),
            _ => format!("{secret}@{host}"),
        };
        let mut text = String::new();
        let log = logged(|| {
            for result in [
                Settings::from_url(&url),
                Settings::from_variables([("DATABASE_URL", &*url)]),
                Settings::from_variables([("DB_HOST", &*url), ("DB_NAME", "shop")]),
                Settings::from_variables([("DB_HOST", "db"), ("DB_NAME", "shop"), ("DB_PASSWORD", &secret)]),
                Settings::from_variables([("PGHOST", "db"), ("PGPASSWORD", &secret), ("PGSSLMODE", &secret)]),
                Settings::from_variables([("ENVIRONMENT", &*url)]),
            ] {
                match result {
                    Ok(settings) => {
                        text += &format!("{settings} {settings:?} {settings:#?}");
                        #[cfg(all(feature = "postgres", feature = "mysql"))]
                        {
                            text += &format!("{:?}", SessionFactory::<sqlx::Postgres>::builder().settings(&settings));
                            let factory = SessionFactory::<sqlx::MySql>::builder().settings(&settings).connect_lazy();
                            text += &format!("{factory:?}");
                        }
                    }
                    Err(error) => text += &format!("{error} {error:?} {error:#?}"),
                }
            }
            #[cfg(all(feature = "postgres", feature = "mysql", feature = "sqlite"))]
            {
                text += &format!("{:?}", SessionFactory::<sqlx::Postgres>::connect_lazy(&url).err());
                text += &format!("{:?}", SessionFactory::<sqlx::MySql>::connect_lazy(&url).err());
                // What sqlx and a server may say, in the errors of ours that carry it.
                for source in [
                    url.parse::<sqlx::postgres::PgConnectOptions>().err(),
                    url.parse::<sqlx::sqlite::SqliteConnectOptions>().err(),
                    Some(sqlx::Error::Protocol(format!("could not connect to \"postgres://me:{secret}@db\""))),
                ].into_iter().flatten() {
                    let error = Error::from(source);
                    text += &format!("{error} {error:?} {error:#?}");
                }
            }
        });
        // sqlx's own reading of the URL, above, logs a parameter that it does not know; ours does not ask it.
        let ours: String = log.lines().filter(|line| line.contains("demarcate")).collect();
        prop_assert!(!shows(&text), "{} shows in {}", url, text);
        prop_assert!(!shows(&ours), "{} shows in {}", url, ours);
    }
}

#[test]
fn a_variable_asks_for_the_kind_of_server_before_the_url_does() {
    let url = (
        "DATABASE_URL",
        "postgres://db/shop?target_session_attrs=primary",
    );
    let of = |settings: Settings| settings.target_session_attrs;
    assert_eq!(of(read([url])), TargetSessionAttrs::Primary);
    assert_eq!(
        of(read([url, ("DB_TARGET_SESSION_ATTRS", "any")])),
        TargetSessionAttrs::Any
    );
    assert_eq!(
        of(read([
            ("PGHOST", "db"),
            ("PGTARGETSESSIONATTRS", "read-write")
        ])),
        TargetSessionAttrs::ReadWrite
    );
    let said = said([("PGHOST", "db"), ("PGTARGETSESSIONATTRS", "standby")]);
    assert!(
        said.starts_with(
            "PGTARGETSESSIONATTRS has a value that cannot be read; write `any`, `read-write` or `primary` (replicas are"
        ),
        "{said}"
    );
}

#[cfg(feature = "postgres")]
#[test]
fn a_replica_is_not_asked_for_by_the_kind_of_server() {
    let settings = read([
        (
            "DATABASE_URL",
            "postgres://db/shop?target_session_attrs=primary",
        ),
        (
            "DATABASE_REPLICA_URL",
            "postgres://one/shop postgres://two/shop?target_session_attrs=read-write",
        ),
    ]);
    let mut replicas = settings.replica_options::<sqlx::Postgres>().into_iter();
    assert!(replicas.next().unwrap().is_ok());
    let refused = replicas.next().unwrap().unwrap_err().to_string();
    assert!(
        refused.starts_with(
            "DATABASE_REPLICA_URL: a replica cannot be asked for with `target_session_attrs`"
        ),
        "{refused}"
    );
}

#[cfg(feature = "postgres")]
#[test]
fn options_do_not_change_what_sqlx_fixes() {
    let options = |url: &str| Settings::from_url(url).unwrap().options::<sqlx::Postgres>();
    for url in [
        "postgres://db/shop?options=-c%20TimeZone%3DEurope/Berlin",
        "postgres://db/shop?options[timezone]=Europe/Berlin",
    ] {
        let refused = options(url).unwrap_err().to_string();
        assert!(
            refused
                .starts_with("`options` in the URL, or PGOPTIONS, sets the time zone, which sqlx"),
            "{refused}"
        );
    }
    let kept = options("postgres://db/shop?options[lock_timeout]=5s").unwrap();
    assert_eq!(kept.get_options(), Some("-c lock_timeout=5s"));
}
