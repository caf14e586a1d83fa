//! Statements in the log, and nothing that they hold.

use std::io;
use std::sync::{Arc, Mutex};

use demarcate::{Error, Settings, TxOptions, service};
use demarcate_tests::on_every_database;
use futures_util::TryStreamExt;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::ITEMS;

/// What is logged on this thread, which is that of the test, from the level `info` on.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        (log, crate::listen(subscriber))
    }

    /// The lines since the last call in which this stands.
    pub(crate) fn take(&self, about: &str) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| line.contains(about));
        lines.map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[track_caller]
fn check_line(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
}

on_every_database! {
    #[service]
    async fn count(tx: &mut Session) -> Result<usize, sqlx::Error> {
        Ok(sqlx::query("select id\n  from items -- of hunter2").fetch_all(&mut *tx).await?.len())
    }

    #[tokio::test]
    async fn each_statement_is_logged_once_and_no_value() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(1);
        let factory = builder.sql_echo(true).connect().await.unwrap();
        let (log, _logging) = Log::start();
        let options = || TxOptions::new().name("shop");
        factory
            .transaction_with(options(), async |tx: &mut Session| {
                sqlx::raw_sql("insert into items (id, name) values (471147114711, 'hunter2'), (471147114712, 'hunter2')")
                    .execute(&mut *tx)
                    .await?;
                let update = match tx.boundary().name() {
                    _ if db.url().starts_with("mysql") => "update items set name = ? where id = ?",
                    _ => "update items set name = $1 where id = $2",
                };
                sqlx::query(update).bind("hunter2-too").bind(471_147_114_711_i64).execute(&mut *tx).await?;
                tx.savepoint(async |tx| {
                    assert_eq!(count(tx).await?, 2);
                    Ok::<_, Error>(())
                })
                .await?;
                let one = sqlx::query("select name from items where id = 471147114712").fetch_optional(&mut *tx).await?;
                assert!(one.is_some());
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let lines = log.take("demarcate::sql");
        let [insert, update, all, one] = &lines[..] else {
            panic!("{lines:#?}");
        };
        check_line(insert, &[
            "INFO", "insert into items (id, name) values (?, ?), (?, ?)", "`shop` (", file!(), "affected=2", "duration=",
        ]);
        check_line(update, &["update items set name = ", "affected=1", "returned=0"]);
        check_line(all, &["select id from items ", "returned=2", "service=service `count` (", "boundary=transaction `shop` ("]);
        check_line(one, &["select name from items where id = ? ", "returned=1"]);
        for line in &lines {
            assert!(!line.contains("hunter2") && !line.contains("47114711"), "{line}");
            assert!(!line.contains("failed"), "{line}");
            assert_eq!(line.contains("service="), line == all, "{line}");
        }
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_statement_that_fails_says_so_and_no_value() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id, name) values (471147114711, 'hunter2'), (471147114712, 'hunter2')").await;
        let factory = SessionFactory::builder().url(db.url()).sql_echo(true).connect().await.unwrap();
        let (log, _logging) = Log::start();
        let failed: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::raw_sql("insert into items (id) values (471147114711)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
        factory
            .transaction(async |tx| {
                let mut rows = sqlx::raw_sql("select id from items").fetch(&mut *tx);
                rows.try_next().await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let lines = log.take("demarcate::sql");
        let [failed, left] = &lines[..] else {
            panic!("{lines:#?}");
        };
        check_line(failed, &["insert into items (id) values (?)", "failed=\""]);
        assert!(!failed.contains("471147114711"), "{failed}");
        check_line(left, &["select id from items", "returned=1"]);
        assert!(!left.contains("failed"), "{left}");
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn nothing_is_logged_where_nobody_asked() {
        let db = test_db().await;
        let (log, _logging) = Log::start();
        for (echo, lines) in [("0", 0), ("1", 1)] {
            let settings = Settings::from_variables([("DATABASE_URL", db.url()), ("SQL_ECHO", echo)]).unwrap();
            let factory = SessionFactory::from_settings(&settings).await.unwrap();
            let long = format!("select {}1", "1, ".repeat(600));
            factory
                .transaction(async |tx| {
                    let long = sqlx::AssertSqlSafe(long.clone());
                    sqlx::raw_sql(long).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            let logged = log.take("demarcate::sql");
            assert_eq!(logged.len(), lines, "{logged:#?}");
            for line in logged {
                check_line(&line, &["select ?, ?, ", "…"]);
                assert!(line.len() < 1_400, "{}", line.len());
            }
            factory.close(crate::GRACE).await;
        }
    }
}
