//! Databases that cannot be had: what is said of them, how soon, and what happens when they can be had again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use demarcate::{Error, Settings, TxOptions, sqlite};
use demarcate_tests::OwnPostgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::ITEMS;
use crate::door::{Door, door};
use crate::echo::Log;

/// How long the tests wait for a connection.
const WAIT: Duration = Duration::from_millis(400);

/// Less than the shortest wait that a refusal is not to take, which is 30 s, and enough for a machine that does much else.
const SOON: Duration = Duration::from_secs(20);

const SECRET: &str = "hunter2";

/// That it is the one error, says all of `words`, and no secret, and came in time.
#[track_caller]
fn check_refusal(error: &Error, began: Instant, words: &[&str]) {
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let said = error.to_string();
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(!format!("{said} {error:?}").contains(SECRET), "{said}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// The same place for another user.
fn url_as(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}:{SECRET}@{place}")
}

/// Another database of the same server.
fn database_of(url: &str, name: &str) -> String {
    format!("{}/{name}", url.rsplit_once('/').unwrap().0)
}

/// A port at which nobody listens, and what keeps it so.
pub(crate) fn silent_port() -> (u16, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    (socket.local_addr().unwrap().port(), socket)
}

/// A port that was free a moment ago.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Repeats its tests on both databases that have a server.
macro_rules! on_every_server {
    (@ $name:ident, $module:ident, $scheme:literal, $password:literal, $limit:literal, $full:literal, $($item:item)*) => {
        mod $name {
            use super::*;
            use ::demarcate::$module::{Session, SessionFactory};
            use ::demarcate_tests::$name as test_db;

            const SCHEME: &str = $scheme;
            /// What stands between a new user and its password.
            const PASSWORD: &str = $password;
            /// What allows a user one connection.
            const LIMIT: &str = $limit;
            /// The server's code for a user that has its connections.
            const FULL: &str = $full;

            /// A new user, who may read and write every table.
            async fn user(db: &TestDb, more: &str) -> String {
                let user = format!("u_{}", db.name());
                db.admin(&format!("create user {user} {PASSWORD} '{SECRET}' {more}")).await;
                let grant = match SCHEME {
                    "mysql" => format!("grant all on {}.* to {user}", db.name()),
                    _ => format!("grant all on all tables in schema public to {user}"),
                };
                db.admin(&grant).await;
                user
            }

            async fn drop_user(db: &TestDb, user: &str) {
                if SCHEME == "postgres" {
                    db.admin(&format!("drop owned by {user}")).await;
                }
                db.admin(&format!("drop user {user}")).await;
            }

            type TestDb = ::demarcate_tests::TestDb<Database>;

            async fn connect(url: &str) -> Result<SessionFactory, Error> {
                SessionFactory::builder().url(url).acquire_timeout(WAIT).connect().await
            }

            async fn ask(db: &SessionFactory) -> Result<i64, Error> {
                db.transaction(async |tx: &mut Session| {
                    Ok(sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?)
                })
                .await
            }

            /// A factory of a user that may have one connection, with a pool of more.
            async fn of_a_limited_user(connections: usize) -> (TestDb, String, SessionFactory) {
                let db = test_db().await;
                db.admin(ITEMS).await;
                let user = user(&db, LIMIT).await;
                let builder = SessionFactory::builder().url(&url_as(db.url(), &user));
                let factory = builder.max_connections(connections).connect().await.unwrap();
                (db, user, factory)
            }

            $($item)*
        }
    };
    ($($item:item)*) => {
        on_every_server! {
            @ postgres, postgres, "postgres", "password", "connection limit 1", "53300",
            type Database = sqlx::Postgres;
            $($item)*
        }
        on_every_server! {
            @ mariadb, mysql, "mysql", "identified by", "with max_user_connections 1", "1226",
            type Database = sqlx::MySql;
            $($item)*
        }
    };
}

on_every_server! {
    #[tokio::test]
    async fn a_port_at_which_nobody_listens() {
        let (port, _kept) = silent_port();
        let url = format!("{SCHEME}://me:{SECRET}@127.0.0.1:{port}/shop");
        let began = Instant::now();
        let refused = connect(&url).await.unwrap_err();
        check_refusal(&refused, began, &["refused", "nobody listens there", "host and port"]);
    }

    #[tokio::test]
    async fn a_host_whose_name_is_not_known() {
        let url = format!("{SCHEME}://me:{SECRET}@no-such-host.invalid/shop");
        let began = Instant::now();
        let refused = connect(&url).await.unwrap_err();
        // Where the DNS itself is far away, it is a timeout.
        let advice = if refused.to_string().contains("no answer") { "host and port" } else { "is it spelt right" };
        check_refusal(&refused, began, &[advice]);
    }

    /// The address is one that is kept for documentation.
    #[tokio::test]
    async fn a_host_that_cannot_be_reached() {
        let url = format!("{SCHEME}://me:{SECRET}@192.0.2.1/shop");
        let began = Instant::now();
        let refused = connect(&url).await.unwrap_err();
        check_refusal(&refused, began, &["host"]);
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_never_answers() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let (url, door) = door(db.url(), Door::Silent).await;
        let began = Instant::now();
        let refused = connect(&url).await.unwrap_err();
        check_refusal(&refused, began, &["no answer within 400ms", "is the server well?"]);

        let factory = SessionFactory::builder().url(&url).acquire_timeout(WAIT).connect_lazy().unwrap();
        let began = Instant::now();
        check_refusal(&ask(&factory).await.unwrap_err(), began, &["no answer", "transaction"]);
        door.send_replace(Door::HangsUp);
        let began = Instant::now();
        check_refusal(&ask(&factory).await.unwrap_err(), began, &["hung up"]);
        door.send_replace(Door::Open);
        // To make a connection may take longer than `WAIT` on a machine that does much else.
        crate::eventually("it answers", async || matches!(ask(&factory).await, Ok(0))).await;
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_wrong_password() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let user = user(&db, "").await;
        let wrong = url_as(db.url(), &user).replace(SECRET, "wrong-hunter2");
        let began = Instant::now();
        // Waiting would not help.
        let builder = SessionFactory::builder().url(&wrong).startup_timeout(Duration::from_secs(60));
        let refused = builder.connect().await.unwrap_err();
        check_refusal(&refused, began, &[&user, "the user and the password"]);
        // It was the server's to put right.
        let factory = SessionFactory::connect_lazy(&wrong).unwrap();
        check_refusal(&ask(&factory).await.unwrap_err(), began, &["the user and the password"]);
        let set = match SCHEME {
            "mysql" => format!("set password for {user} = password('wrong-{SECRET}')"),
            _ => format!("alter user {user} password 'wrong-{SECRET}'"),
        };
        db.admin(&set).await;
        assert_eq!(ask(&factory).await.unwrap(), 0);
        factory.close(crate::GRACE).await;
        drop_user(&db, &user).await;
    }

    #[tokio::test]
    async fn a_database_that_does_not_exist() {
        let db = test_db().await;
        let began = Instant::now();
        let builder = SessionFactory::builder().url(&database_of(db.url(), "no_such_database"));
        let refused = builder.startup_timeout(Duration::from_secs(60)).connect().await.unwrap_err();
        check_refusal(&refused, began, &["no_such_database", "create the database, or look at how its name is spelt"]);
    }

    #[tokio::test]
    async fn a_database_that_this_user_may_not_use() {
        let db = test_db().await;
        let other = test_db().await;
        if SCHEME == "postgres" {
            other.admin(&format!("revoke connect on database {} from public", other.name())).await;
        }
        let user = user(&db, "").await;
        let began = Instant::now();
        let refused = SessionFactory::connect(&url_as(other.url(), &user)).await.unwrap_err();
        check_refusal(&refused, began, &["grant the user"]);
        drop_user(&db, &user).await;
    }

    #[tokio::test]
    async fn more_connections_than_the_server_has() {
        let (db, user, factory) = of_a_limited_user(4).await;
        let began = Instant::now();
        let (refused, stopped) = factory
            .transaction(async |tx: &mut Session| {
                sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                let other = tokio::spawn({
                    let factory = factory.clone();
                    async move { ask(&factory).await }
                });
                Ok::<_, Error>((other.await.unwrap().unwrap_err(), ()))
            })
            .await
            .unwrap();
        let () = stopped;
        check_refusal(&refused, began, &["as many connections as it may", "`max_connections`"]);
        assert_eq!(code(&refused), FULL);
        let status = factory.pool_status();
        assert_eq!((status.max_connections, status.limit), (4, 2));
        // The one that there is serves everybody in turn.
        assert_eq!(ask(&factory).await.unwrap(), 0);
        factory.close(crate::GRACE).await;
        drop_user(&db, &user).await;
    }

    /// After the server has refused some, fewer are opened, and those that there are serve everybody.
    #[tokio::test]
    async fn a_server_that_has_too_many_connections_is_asked_for_fewer() {
        let (db, user, factory) = of_a_limited_user(8).await;
        let all = async || futures_util::future::join_all((0..16).map(|_| ask(&factory))).await;
        crate::eventually("only the one that there is is used", async || {
            let served = all().await.iter().all(Result::is_ok);
            served && factory.pool_status().limit == 1
        })
        .await;
        let status = factory.pool_status();
        assert_eq!((status.max_connections, status.connections), (8, 1));
        let pool = factory.health().await;
        let pool = pool.check(demarcate::health::CheckKind::PoolUsage).unwrap().to_string();
        assert!(pool.contains("of 1 are in use (fewer than 8: the server has refused more)"), "{pool}");
        factory.close(crate::GRACE).await;
        drop_user(&db, &user).await;
    }

    #[tokio::test]
    async fn encryption_that_is_not_to_be_had() {
        let db = test_db().await;
        let began = Instant::now();
        for mode in ["sslmode=require", "ssl-mode=REQUIRED", "sslmode=verify-full"] {
            let refused = SessionFactory::connect(&format!("{}?{mode}", db.url())).await.unwrap_err();
            check_refusal(&refused, began, &["TLS", "`sslmode`", "`tls-*`"]);
        }
    }

    #[tokio::test]
    async fn a_database_that_comes_up_is_waited_for() {
        let db = test_db().await;
        let (url, door) = door(db.url(), Door::HangsUp).await;
        let opening = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            door.send_replace(Door::Open);
            door
        });
        let began = Instant::now();
        let builder = SessionFactory::builder().url(&url).startup_timeout(Duration::from_secs(30));
        let factory = builder.connect().await.unwrap();
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(500) && took < SOON, "{took:?}");
        factory.close(crate::GRACE).await;
        drop(opening.await);
    }

    #[tokio::test]
    async fn a_database_that_does_not_come_up_is_given_up_with_the_last_reason() {
        let (port, _kept) = silent_port();
        let url = format!("{SCHEME}://me:{SECRET}@127.0.0.1:{port}/shop");
        let limit = Duration::from_secs(1);
        let in_time = limit + limit / 2;
        let (log, logging) = Log::start();
        let mut lines = Vec::new();
        let took = crate::shortest(in_time, async || {
            let began = Instant::now();
            let builder = SessionFactory::builder().url(&url).startup_timeout(limit);
            let refused = builder.connect().await.unwrap_err();
            check_refusal(&refused, began, &["nobody listens there"]);
            assert!(began.elapsed() > limit / 4, "{:?}", began.elapsed());
            lines = log.take("the database ");
            began.elapsed()
        })
        .await;
        assert!(took < in_time, "{took:?}");

        // Each attempt is in the log, with its reason, and so is the end.
        drop(logging);
        let (last, attempts) = lines.split_last().unwrap();
        assert!(attempts.len() >= 2, "{lines:#?}");
        for (line, number) in attempts.iter().zip(1..) {
            let words = ["INFO", "does not accept connections yet", "nobody listens there", &format!("attempts={number}")];
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
            assert!(!line.contains(SECRET), "{line}");
        }
        assert!(last.contains("WARN") && last.contains("did not come up in time"), "{last}");

        // One that accepts and is silent for all of the time.
        let (url, _door) = door(&url, Door::Silent).await;
        let took = crate::shortest(in_time, async || {
            let began = Instant::now();
            let builder = SessionFactory::builder().url(&url).startup_timeout(limit);
            let refused = builder.connect().await.unwrap_err();
            check_refusal(&refused, began, &["no answer within 1.0s"]);
            began.elapsed()
        })
        .await;
        assert!(took < in_time, "{took:?}");
    }
}

/// Greets a client, hears its first message, and answers with an error.
async fn one_that_refuses(greeting: Vec<u8>, answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.write_all(&greeting).await.ok();
            let heard = client.read(&mut [0; 1024]).await;
            if heard.is_ok_and(|bytes| bytes > 0) {
                client.write_all(&answer).await.ok();
            }
        }
    });
    port
}

/// A message of the protocol of MySQL.
fn packet(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&[length[0], length[1], length[2], number], bytes].concat()
}

/// What a server of MySQL says in place of a greeting.
#[tokio::test]
async fn a_server_of_mysql_that_does_not_greet() {
    let began = Instant::now();
    for (code, said, advice) in [
        (1040_u16, "Too many connections", "lower `max_connections`"),
        (
            1129,
            "Host 'web' is blocked because of many connection errors",
            "`FLUSH HOSTS`",
        ),
        (
            1130,
            "Host 'web' is not allowed to connect",
            "create the user for it",
        ),
    ] {
        let refusal = [b"\xff", &code.to_le_bytes()[..], b"#HY000", said.as_bytes()].concat();
        let port = one_that_refuses(packet(0, &refusal), Vec::new()).await;
        let url = format!("mysql://me:{SECRET}@127.0.0.1:{port}/shop");
        let refused = demarcate::mysql::SessionFactory::connect(&url).await;
        check_refusal(&refused.unwrap_err(), began, &[said, advice]);
    }
}

/// Servers and poolers that let nobody in without TLS. MariaDB says of it that access is denied; what MySQL and PgBouncer
/// say is played here.
#[tokio::test]
async fn encryption_that_is_asked_for() {
    let began = Instant::now();
    let advice = ["TLS", "`sslmode=require`", "`tls-*`"];

    let mut greeting = b"\x0a8.0.36\0\x01\0\0\x0012345678\0\xff\xf7\x21\x02\0\x0f\0\x15".to_vec();
    greeting.extend([0; 10]);
    greeting.extend(b"123456789012\0mysql_native_password\0");
    let mut refusal = b"\xff\x57\x0c#HY000".to_vec();
    refusal.extend(
        b"Connections using insecure transport are prohibited while --require_secure_transport=ON.",
    );
    let port = one_that_refuses(packet(0, &greeting), packet(2, &refusal)).await;
    let url = format!("mysql://me:{SECRET}@127.0.0.1:{port}/shop");
    let refused = demarcate::mysql::SessionFactory::connect(&url).await;
    let refused = refused.unwrap_err();
    check_refusal(&refused, began, &advice);
    assert_eq!(code(&refused), "3159");

    let fields = b"SFATAL\0VFATAL\0C08P01\0MSSL required\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    let answer = [b"E", &length[..], fields].concat();
    let port = one_that_refuses(Vec::new(), answer).await;
    // It is said of the startup message, and not of the question for TLS that would come first.
    let url = format!("postgres://me:{SECRET}@127.0.0.1:{port}/shop?sslmode=disable");
    let refused = demarcate::postgres::SessionFactory::connect(&url).await;
    check_refusal(&refused.unwrap_err(), began, &advice);
}

#[tokio::test]
async fn a_user_of_mariadb_that_has_to_use_encryption() {
    let db = demarcate_tests::mariadb().await;
    let user = format!("u_{}", db.name());
    db.admin(&format!(
        "create user {user} identified by '{SECRET}' require ssl"
    ))
    .await;
    db.admin(&format!("grant all on {}.* to {user}", db.name()))
        .await;
    let began = Instant::now();
    let url = url_as(db.url(), &user);
    let refused = demarcate::mysql::SessionFactory::connect(&url).await;
    check_refusal(&refused.unwrap_err(), began, &["TLS", "`sslmode=require`"]);
    // It was the server's to put right.
    let factory = demarcate::mysql::SessionFactory::connect_lazy(&url).unwrap();
    db.admin(&format!("alter user {user} require none")).await;
    let one = factory.transaction(async |tx| {
        Ok::<i32, Error>(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
    });
    assert_eq!(one.await.unwrap(), 1);
    factory.close(crate::GRACE).await;
    db.admin(&format!("drop user {user}")).await;
}

fn code(error: &Error) -> String {
    let Error::Connect { source, .. } = error else {
        panic!("{error:?}");
    };
    match source.as_database_error() {
        Some(error) => match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            Some(error) => error.number().to_string(),
            None => error.code().unwrap().into_owned(),
        },
        None => panic!("{source:?}"),
    }
}

#[tokio::test]
async fn what_is_not_a_place_is_refused_before_anybody_is_asked() {
    for (url, word) in [
        ("ftp://me:hunter2@db/shop", "postgres://"),
        (
            "postgres://me:hunter2@db:0/shop",
            "a number from 1 to 65535",
        ),
        (
            "postgres://me:hunter2@db:65536/shop",
            "a number from 1 to 65535",
        ),
        ("mysql://me:hunter2@db/shop", "PostgreSQL"),
        ("sqlite://shop.db", "PostgreSQL"),
        ("", "postgres://"),
    ] {
        let refused = demarcate::postgres::SessionFactory::connect(url)
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Config { .. }), "{refused:?}");
        assert!(refused.to_string().contains(word), "{refused}");
        assert!(
            !format!("{refused} {refused:?}").contains(SECRET),
            "{refused}"
        );
    }
    // Past the settings, it is the system that refuses.
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(0)
        .username("me");
    let began = Instant::now();
    let builder = demarcate::postgres::SessionFactory::builder().options(options);
    check_refusal(&builder.connect().await.unwrap_err(), began, &["port"]);
}

#[test]
fn the_wait_for_a_database_is_a_setting() {
    let settings = |value| {
        Settings::from_variables([
            ("DATABASE_URL", "postgres://db/shop"),
            ("DB_STARTUP_TIMEOUT", value),
        ])
    };
    assert_eq!(
        settings("90").unwrap().startup_timeout,
        Some(Duration::from_secs(90))
    );
    assert_eq!(
        settings("2m").unwrap().startup_timeout,
        Some(Duration::from_secs(120))
    );
    assert_eq!(settings("").unwrap().startup_timeout, None);
    let refused = settings("soon").unwrap_err().to_string();
    assert!(refused.contains("DB_STARTUP_TIMEOUT"), "{refused}");
}

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("demarcate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite://{}", self.0.join(name).display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn a_file_that_sqlite_cannot_use() {
    let folder = Folder::new("files");
    std::fs::create_dir(folder.0.join("folder.db")).unwrap();
    std::fs::write(folder.0.join("letter.db"), "Dear Bob,\n".repeat(100)).unwrap();
    for (name, words) in [
        ("folder.db", ["unable to open", "is it a file"]),
        ("nowhere.db", ["unable to open", "?mode=rwc"]),
        (
            "no/folder.db?mode=rwc",
            ["unable to open", "does its folder exist"],
        ),
        ("letter.db", ["not a database", "is it the right file?"]),
    ] {
        let url = folder.url(name);
        let began = Instant::now();
        let builder = sqlite::SessionFactory::builder()
            .url(&url)
            .startup_timeout(Duration::from_secs(60));
        check_refusal(&builder.connect().await.unwrap_err(), began, &words);
        // Not asked before, it says the same in a boundary.
        let factory = sqlite::SessionFactory::connect_lazy(&url).unwrap();
        check_refusal(&count(&factory, false).await.unwrap_err(), began, &words);
    }
    // It is the right file now.
    let url = folder.url("letter.db");
    let factory = sqlite::SessionFactory::connect_lazy(&url).unwrap();
    count(&factory, false).await.unwrap_err();
    std::fs::remove_file(folder.0.join("letter.db")).unwrap();
    sqlite::SessionFactory::connect(&format!("{url}?mode=rwc"))
        .await
        .unwrap()
        .close(crate::GRACE)
        .await;
    assert_eq!(count(&factory, false).await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_sqlite_may_only_read() {
    let folder = Folder::new("read-only");
    let url = folder.url("shop.db");
    let writer = sqlite::SessionFactory::connect(&format!("{url}?mode=rwc"))
        .await
        .unwrap();
    writer
        .transaction(async |tx| {
            sqlx::query("create table items (id integer)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let reader = sqlite::SessionFactory::connect(&format!("{url}?mode=ro"))
        .await
        .unwrap();
    // SQLite has nothing against a transaction there, only against the statement that writes.
    let refused: Result<(), Error> = reader
        .transaction(async |tx| {
            sqlx::query("insert into items values (1)")
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::Database { .. }), "{refused:?}");
    let said = refused.to_string();
    assert!(
        said.contains("attempt to write a readonly database"),
        "{said}"
    );
    assert_eq!(count(&reader, true).await.unwrap(), 1);
}

/// How many tables there are.
async fn count(db: &sqlite::SessionFactory, read_only: bool) -> Result<i64, Error> {
    let options = TxOptions::new();
    let options = if read_only {
        options.read_only()
    } else {
        options
    };
    db.transaction_with(options, async |tx: &mut sqlite::Session| {
        Ok(sqlx::query_scalar("select count(*) from sqlite_schema")
            .fetch_one(&mut *tx)
            .await?)
    })
    .await
}

/// One server, since to make one takes a second: who may come in, down, and up again.
#[tokio::test]
async fn a_server_that_stops_and_starts() {
    let mut server = OwnPostgres::start().await;
    server.admit("hostnossl all in_secret 127.0.0.1/32 reject");
    let factory = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    let one = async || {
        factory
            .transaction(async |tx| {
                Ok::<i32, Error>(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
            })
            .await
    };
    assert_eq!(one().await.unwrap(), 1);
    server.stop().await;
    let began = Instant::now();
    check_refusal(&one().await.unwrap_err(), began, &["nobody listens there"]);

    // Started together, and the database is slower.
    let url = server.url().to_owned();
    let waiting = tokio::spawn(async move {
        let builder = demarcate::postgres::SessionFactory::builder().url(&url);
        builder
            .startup_timeout(Duration::from_secs(60))
            .connect()
            .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.launch().await;
    waiting.await.unwrap().unwrap().close(crate::GRACE).await;
    assert_eq!(one().await.unwrap(), 1);

    let began = Instant::now();
    let refused = demarcate::postgres::SessionFactory::connect(&url_as(server.url(), "in_secret"))
        .await
        .unwrap_err();
    check_refusal(&refused, began, &["no encryption", "`sslmode=require`"]);
    let refused =
        demarcate::postgres::SessionFactory::connect(&url_as(server.url(), "nobody_known"))
            .await
            .unwrap_err();
    check_refusal(&refused, began, &["the user and the password"]);
    factory.close(crate::GRACE).await;
}

mod prepared {
    use demarcate::Error;
    use demarcate::settings::Pooler;
    use demarcate_tests::on_every_database;
    use sqlx::AssertSqlSafe;

    on_every_database! {
        /// A setting that no boundary may make, and a query for it.
        fn setting() -> (&'static str, &'static str) {
            match <Database as sqlx::Database>::NAME {
                "PostgreSQL" => ("set session application_name = 'prepared'", "select current_setting('application_name')"),
                "MySQL" => ("set @of_mine = 'prepared'", "select @of_mine"),
                _ => ("attach ':memory:' as prepared", "select name from pragma_database_list where name = 'prepared'"),
            }
        }

        #[tokio::test]
        async fn each_connection_is_prepared_and_stays_so() {
            let db = test_db().await;
            let (set, ask) = setting();
            let builder = SessionFactory::builder().url(db.own_url()).max_connections(2);
            let factory = builder
                .after_connect(move |connection| {
                    Box::pin(async move {
                        sqlx::raw_sql(set).execute(connection).await?;
                        Ok(())
                    })
                })
                .connect()
                .await
                .unwrap();
            for _ in 0..3 {
                factory.transaction(async |tx| {
                    let found: String = sqlx::query_scalar(AssertSqlSafe(ask)).fetch_one(&mut *tx).await?;
                    assert_eq!(found, "prepared");
                    // What resets the connection prepares it again.
                    tx.unguarded().await?;
                    Ok::<_, Error>(())
                }).await.unwrap();
            }
            factory.close(crate::GRACE).await;
        }

        #[tokio::test]
        async fn a_connection_that_cannot_be_prepared_is_told() {
            let db = test_db().await;
            let builder = SessionFactory::builder().url(db.own_url());
            let refused = builder
                .after_connect(|connection| {
                    Box::pin(async move {
                        sqlx::raw_sql("nonsense").execute(connection).await?;
                        Ok(())
                    })
                })
                .connect()
                .await
                .unwrap_err();
            assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
        }

        /// A function with a type parameter for its executor takes the session as it is lent.
        #[tokio::test]
        async fn the_session_is_lent_to_what_is_generic_over_an_executor() {
            async fn count<E>(executor: &mut E) -> Result<usize, sqlx::Error>
            where
                for<'c> &'c mut E: sqlx::Executor<'c, Database = Database>,
            {
                sqlx::raw_sql("select 1").fetch_all(&mut *executor).await?;
                Ok(sqlx::raw_sql("select 1").fetch_all(&mut *executor).await?.len())
            }
            let db = test_db().await;
            let factory = SessionFactory::connect(db.url()).await.unwrap();
            let found = factory.transaction(async |tx| Ok::<_, Error>(count(&mut tx.lent()).await?)).await;
            assert_eq!(found.unwrap(), 1);
            assert_eq!(factory.stats()[0].1.statements, 2);
            factory.close(crate::GRACE).await;
        }
    }

    #[tokio::test]
    async fn behind_a_pooler_in_transaction_mode_there_is_nothing_to_prepare() {
        let builder =
            demarcate::postgres::SessionFactory::builder().url("postgres://u@127.0.0.1/d");
        let refused = builder
            .pooler(Pooler::Transaction)
            .after_connect(|_| Box::pin(async { Ok(()) }))
            .connect_lazy()
            .unwrap_err();
        assert!(refused.to_string().contains("ALTER ROLE"), "{refused}");
    }
}
