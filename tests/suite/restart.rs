//! A server that is restarted under load: what fails, that nothing is lost, and how soon all is well again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use demarcate::{Error, Retry, TxOptions};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::sync::watch;

use crate::ITEMS;

/// How soon all workers are to be served once the server is there again, on two busy cores.
const SOON: Duration = Duration::from_secs(5);

/// Who works on the server while it is restarted.
const WORKERS: usize = 32;

/// What became of the boundaries of all workers.
#[derive(Default)]
struct Tally {
    committed: Vec<i64>,
    unknown: usize,
    failed: BTreeMap<&'static str, usize>,
    not_committed: Vec<i64>,
    /// When each worker had its first commit since the restart.
    recovered: Vec<Duration>,
}

impl Tally {
    /// `begun_after`: whether somebody had committed since the server was there again. `since`: how long it had been.
    fn note(
        &mut self,
        id: i64,
        stored: Result<(), Error>,
        begun_after: bool,
        since: Option<Duration>,
    ) {
        let error = match stored {
            Ok(()) => {
                self.committed.push(id);
                self.recovered.extend(since);
                return;
            }
            Err(error) => error,
        };
        assert!(!begun_after, "it did not recover: {error:?}");
        let name = match error {
            Error::CommitUnknown { .. } => {
                self.unknown += 1;
                return;
            }
            Error::Connect { .. } => "to connect",
            Error::Database { .. } => "at a statement or its commit",
            error => panic!("{error:?}"),
        };
        *self.failed.entry(name).or_default() += 1;
        self.not_committed.push(id);
    }
}

/// Repeats its items for both databases that have a server.
macro_rules! on_each_server {
    (@ $module:ident, $server:ident, $connection:ident, $($item:item)*) => {
        mod $module {
            use ::demarcate::$module::{Session, SessionFactory};
            use ::demarcate_tests::$server as Server;
            use ::sqlx::$connection as Connection;

            use super::*;

            $($item)*
        }
    };
    ($($item:item)*) => {
        on_each_server! { @ postgres, OwnPostgres, PgConnection, $($item)* }
        on_each_server! { @ mysql, OwnMariaDb, MySqlConnection, $($item)* }
    };
}

on_each_server! {
    /// Workers that store one item after the other, through a stop and a start of the server.
    pub(super) async fn work_through_a_restart(options: TxOptions) -> Tally {
        let mut server = Server::start().await;
        let factory = SessionFactory::builder()
            .url(server.url())
            .max_connections(16)
            .connect()
            .await
            .unwrap();
        let mut connection = Connection::connect(server.url()).await.unwrap();
        sqlx::raw_sql(ITEMS).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (started, is_started) = watch::channel(None::<Instant>);
        let next = Arc::new(AtomicI64::new(0));
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (factory, tally, next) = (factory.clone(), Arc::clone(&tally), Arc::clone(&next));
                let (options, is_started) = (options.clone(), is_started.clone());
                tokio::spawn(async move {
                    loop {
                        let id = next.fetch_add(1, Ordering::Relaxed);
                        // Until the pool has found it, boundaries fail at once.
                        let begun_after = !tally.lock().unwrap().recovered.is_empty();
                        let stored = factory
                            .transaction_with(
                                options.clone(),
                                async |tx: &mut Session| {
                                    let insert = format!("insert into items (id) values ({id})");
                                    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
                                    let keep = format!("update items set name = 'kept' where id = {id}");
                                    sqlx::raw_sql(AssertSqlSafe(keep)).execute(&mut *tx).await?;
                                    Ok::<_, Error>(())
                                },
                            )
                            .await;
                        let since = is_started.borrow().map(|started| started.elapsed());
                        let is_committed = stored.is_ok();
                        tally
                            .lock()
                            .unwrap()
                            .note(id, stored, begun_after, since);
                        if is_committed && since.is_some() {
                            return;
                        }
                        // An application that answers 503 is asked again a little later.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.stop().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.start_again().await;
        started.send_replace(Some(Instant::now()));
        for worker in workers {
            worker.await.unwrap();
        }
        let stored: Vec<i64> = factory
            .transaction(async |tx| {
                Ok::<_, Error>(
                    sqlx::query_scalar("select id from items where name = 'kept' order by id")
                        .fetch_all(&mut *tx)
                        .await?,
                )
            })
            .await
            .unwrap();
        factory.close(crate::GRACE).await;
        drop(server);
        let tally = std::mem::take(&mut *tally.lock().unwrap());
        for id in &tally.committed {
            assert!(
                stored.binary_search(id).is_ok(),
                "{id} was committed and is lost"
            );
        }
        for id in &tally.not_committed {
            assert!(
                stored.binary_search(id).is_err(),
                "{id} failed and is stored"
            );
        }
        assert!(stored.len() <= tally.committed.len() + tally.unknown);
        assert_eq!(tally.recovered.len(), WORKERS);
        println!(
            "restart under {WORKERS} workers: {} committed, {:?} failed, {} of unknown outcome; after it answered again \
             the first had committed in {:?} and the last in {:?}",
            tally.committed.len(),
            tally.failed,
            tally.unknown,
            tally.recovered.iter().min().unwrap(),
            tally.recovered.iter().max().unwrap(),
        );
        tally
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_restart_loses_nothing() {
        let tally = work_through_a_restart(TxOptions::new()).await;
        assert!(!tally.failed.is_empty(), "there was no restart");
        let slowest = tally.recovered.into_iter().max().unwrap();
        assert!(slowest < SOON, "{slowest:?}");
    }
}

/// With retry and confirmation it is not even noticed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_survived_by_what_is_tried_again() {
    let retry = Retry::times(100)
        .first_delay(Duration::from_millis(20))
        .longest_delay(Duration::from_millis(500));
    let tally =
        postgres::work_through_a_restart(TxOptions::new().retry(retry).confirm_commit()).await;
    assert!(tally.failed.is_empty(), "{:?}", tally.failed);
    assert_eq!(tally.unknown, 0);
}

/// A server of its own with a user that a server which is read-only refuses. Whoever may everything may write all the same.
async fn mariadb_with_a_clerk() -> demarcate_tests::TestDb<sqlx::MySql> {
    let db = demarcate_tests::mariadb_alone().await;
    for sql in [
        "create table items (id bigint primary key, name varchar(40))",
        "create user clerk@'127.0.0.1' identified by 'secret'",
        "grant select, insert on *.* to clerk@'127.0.0.1'",
    ] {
        db.admin(sql).await;
    }
    db
}

/// A server that its operator has made read-only, as the old primary is after a failover.
#[tokio::test]
async fn a_mariadb_that_refuses_to_write_is_retryable_and_its_connections_are_closed() {
    use demarcate::mysql::{Session, SessionFactory};

    let db = mariadb_with_a_clerk().await;
    let (_, at) = db.own_url().split_once('@').unwrap();
    let url = format!("mysql://clerk:secret@{at}");
    let factory = SessionFactory::builder()
        .url(&url)
        .max_connections(2)
        .connect()
        .await
        .unwrap();
    let write = async |id: i64, first: bool| {
        factory
            .transaction_with(TxOptions::new(), async |tx: &mut Session| {
                if !first {
                    sqlx::query("select 1").execute(&mut *tx).await?;
                }
                sqlx::query("insert into items (id) values (?)")
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(
                    sqlx::query_scalar::<_, u64>("select connection_id()")
                        .fetch_one(&mut *tx)
                        .await?,
                )
            })
            .await
    };
    let before = write(1, true).await.unwrap();
    for first in [true, false] {
        db.admin("set global read_only = 1").await;
        let refused = write(2, first).await.unwrap_err();
        assert!(refused.classification().retryable, "{refused:#}");
        let health = factory.health().await;
        assert_ne!(
            health.status,
            demarcate::health::Status::Healthy,
            "{health}"
        );
        db.admin("set global read_only = 0").await;
        assert_ne!(
            write(if first { 3 } else { 4 }, first).await.unwrap(),
            before
        );
    }
    factory.close(crate::GRACE).await;
}

/// A server that its operator has made read-only, where each begin asks: nothing is sent to it, whoever asks.
#[tokio::test]
async fn a_mariadb_that_is_read_only_gets_no_statement_where_each_begin_asks() {
    use demarcate::mysql::{Session, SessionFactory};
    use demarcate_tests::proxy::Proxy;

    let db = mariadb_with_a_clerk().await;
    let (_, at) = db.own_url().split_once('@').unwrap();
    // The first may write to a server that is read-only, and is not let.
    for url in [
        db.own_url().to_owned(),
        format!("mysql://clerk:secret@{at}"),
    ] {
        let proxy = Proxy::to_url::<sqlx::MySql>(&url).await;
        let factory = SessionFactory::builder()
            .url(&format!("{}&target_session_attrs=primary", proxy.url()))
            .max_connections(2)
            .connect()
            .await
            .unwrap();
        let write = async || {
            factory
                .transaction_with(TxOptions::new(), async |tx: &mut Session| {
                    sqlx::query(
                        "insert into items (id) select coalesce(max(id), 0) + 1 from items",
                    )
                    .execute(&mut *tx)
                    .await?;
                    Ok::<_, Error>(())
                })
                .await
        };
        for _ in 0..2 {
            proxy.forget();
            write().await.unwrap();
        }
        assert_eq!(proxy.round_trips(), 3, "{:#?}", proxy.requests());

        db.admin("set global read_only = 1").await;
        let refused = write().await.unwrap_err();
        assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
        let said = refused.to_string();
        assert!(
            said.contains("the server is read-only by `read_only`, and `target_session_attrs` asks for `primary`"),
            "{said}"
        );
        assert!(refused.classification().retryable, "{refused:#}");
        db.admin("set global read_only = 0").await;
        write().await.unwrap();
        factory.close(crate::GRACE).await;
    }
}
