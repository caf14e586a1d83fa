//! Where in the program something happened, and what is open now.

use std::sync::Mutex;
use std::time::Duration;

use demarcate::{Error, Retry, TxOptions, router_tx, service};
use demarcate_tests::on_every_database;
use futures_util::StreamExt;
use tokio::sync::Notify;

use crate::ITEMS;

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id, name) values ({id}, 'hunter2')");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[service]
    async fn store_twice(tx: &mut Session, id: i64) -> Result<(), Error> {
        store(tx, id).await?;
        store(tx, id).await?;
        Ok(())
    }

    #[router_tx(name = "place an order")]
    async fn post_order(tx: &mut Session, swallow: bool) -> Result<(), Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        match store_twice(tx, 4711).await {
            Err(_) if swallow => Ok(()),
            stored => stored,
        }
    }

    #[tokio::test]
    async fn an_error_says_where_it_happened() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for swallow in [false, true] {
            let error = post_order(factory.clone(), swallow).await.unwrap_err();
            assert_eq!(matches!(error, Error::Aborted { .. }), swallow, "{error}");
            let place = error.place();
            assert_eq!(place.boundary().unwrap().name(), "place an order");
            assert_eq!(place.service().unwrap().name(), "store");
            assert_eq!(place.statement(), Some("insert into items (id, name) values (?, ?)"));
            assert_eq!(place.run(), Some(1));

            let (line, all) = (error.to_string(), format!("{error:#}"));
            assert!(!line.contains('\n') && line.starts_with("router `place an order` ("), "{line}");
            assert!(all.starts_with(&line), "{all}");
            let transaction = place.transaction().unwrap().to_string();
            assert_eq!(transaction.len(), 16);
            for word in [
                "\n    in: service `store` (",
                "\n    statement: insert into items (id, name) values (?, ?)",
                "\n    meaning: unique constraint",
                &format!("\n    transaction: {transaction}, run 1"),
            ] {
                assert!(all.contains(word), "`{word}` is not in: {all}");
            }
            assert!(!all.contains("hunter2"), "{all}");

            let stats = factory.stats();
            let last = stats[0].1.last_error.clone().unwrap();
            assert_eq!(last.transaction, place.transaction());
            assert_eq!(last.message, line);
            assert!(!line.contains("hunter2") && !line.contains(" at line "), "{line}");
        }
        let (_, stats) = &factory.stats()[0];
        assert_eq!((stats.rolled_back, stats.runs.count()), (2, 2));
        assert!(stats.slowest.unwrap().took >= stats.runs.mean());
        factory.close(crate::GRACE).await;
    }

    /// A service that has returned is not named, and neither is its statement where another error comes from.
    #[tokio::test]
    async fn an_error_of_the_bodys_own_is_nobodys_statement() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let error = factory
            .transaction(async |tx: &mut Session| {
                store(tx, 1).await?;
                Err::<(), Error>(sqlx::Error::RowNotFound.into())
            })
            .await
            .unwrap_err();
        let place = error.place();
        assert_eq!((place.service(), place.statement()), (None, None), "{error:#}");
        assert!(place.transaction().is_some());

        // One that a savepoint has survived is not taken for the next.
        let error = factory
            .transaction(async |tx: &mut Session| {
                let lost = tx.savepoint(async |tx| store_twice(tx, 1).await).await;
                lost.unwrap_err();
                sqlx::query("select nothing").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert_eq!(error.place().statement(), Some("select nothing"), "{error:#}");
        assert_eq!(error.place().service(), None);
        factory.close(crate::GRACE).await;
    }

    /// Whoever gives a statement up has waited for it as long as that.
    #[tokio::test]
    async fn what_is_not_read_to_its_end_is_counted_as_well() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1), (2), (3), (4), (5)").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let dropped: Result<(), Error> = factory.transaction(async |tx| {
            let mut rows = sqlx::query("select id from items").fetch(&mut *tx);
            for _ in 0..3 {
                rows.next().await.unwrap()?;
            }
            drop(rows);
            Err(sqlx::Error::RowNotFound.into())
        }).await;
        dropped.unwrap_err();
        crate::eventually("it came back", async || factory.pool_status().holders.is_empty()).await;
        let stats = factory.stats()[0].1.clone();
        assert_eq!((stats.statements, stats.rows, factory.statement_times().count()), (1, 3, 1));

        if let Some(sleep) = sleep(db.url()) {
            let mut is_seen = false;
            // The first is enough unless the machine does much else.
            for limit in [300, 3_000, 20_000].map(Duration::from_millis) {
                let before = factory.statement_times().count();
                let boundary = factory.transaction_with(TxOptions::new().timeout(limit), async |tx: &mut Session| {
                    sqlx::query(sleep).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                let mut waited = Duration::ZERO;
                let looking = async {
                    loop {
                        for open in factory.open_boundaries() {
                            let is_sent = open.statement.is_some_and(|statement| statement.contains("sleep"));
                            waited = waited.max(open.running_for.filter(|_| is_sent).unwrap_or_default());
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                let late = tokio::select! {
                    late = boundary => late,
                    () = looking => unreachable!(),
                };
                assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
                crate::eventually("it came back", async || factory.pool_status().holders.is_empty()).await;
                is_seen = waited > limit * 4 / 5;
                if is_seen {
                    let times = factory.statement_times();
                    assert_eq!(times.count(), before + 1);
                    assert!(times.mean() > Duration::from_millis(100), "{times:?}");
                    break;
                }
            }
            assert!(is_seen, "the statement never had its time");
        }
        factory.close(crate::GRACE).await;
    }

    #[service]
    async fn look<T>(tx: &mut Session, look: impl Fn() -> T) -> Result<T, sqlx::Error> {
        sqlx::query("select 'hunter2'").execute(&mut *tx).await?;
        Ok(look())
    }

    #[tokio::test]
    async fn what_is_open_says_what_it_is_at() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (within, after) = factory
            .transaction(async |tx: &mut Session| {
                assert_eq!(factory.open_boundaries()[0].statement, None);
                let within = look(tx, || factory.open_boundaries()).await?;
                Ok::<_, Error>((within, factory.open_boundaries()))
            })
            .await
            .unwrap();
        let [open] = &within[..] else { panic!("{within:?}") };
        assert_eq!(open.boundary.name(), "transaction");
        assert_eq!(open.service.unwrap().name(), "look");
        assert_eq!(open.statement.as_deref(), Some("select ?"));
        assert_eq!(open.running_for, None);
        assert!(open.idle_for.unwrap() <= open.open_for);
        assert_eq!(open.process.is_some(), !db.url().starts_with("sqlite"));
        assert_eq!(after[0].service, None, "it has returned");
        assert_eq!(factory.open_boundaries(), [], "it was committed");

        // Seen from another task, while a statement runs: it waits for a lock.
        if !db.url().starts_with("sqlite") {
            db.admin(&format!("{ITEMS}; insert into items (id) values (1)")).await;
            let mut other = db.connect().await;
            let lock = "begin; update items set name = 'held' where id = 1";
            sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
            let running = factory.transaction(async |tx: &mut Session| {
                sqlx::query("update items set name = 'wanted' where id = 1").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            });
            let looking = async {
                crate::is_running(&factory, "update").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                let open = factory.open_boundaries();
                sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
                open
            };
            let (ran, open) = tokio::join!(running, looking);
            ran.unwrap();
            assert!(open[0].running_for.unwrap() > Duration::from_millis(50), "{open:?}");
            assert_eq!(open[0].idle_for, None);
        }

        // Given up, it is not open any more.
        let has_run = Notify::new();
        let given_up = factory.transaction(async |tx: &mut Session| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            has_run.notify_one();
            std::future::pending::<Result<(), Error>>().await
        });
        tokio::select! {
            ended = given_up => panic!("{ended:?}"),
            () = has_run.notified() => {}
        }
        assert_eq!(factory.open_boundaries(), []);
        let times = factory.statement_times();
        assert!(times.count() >= 2 && times.quantile(1.0) >= times.mean(), "{times:?}");
        factory.close(crate::GRACE).await;
    }
}

fn sleep(url: &str) -> Option<&'static str> {
    if url.starts_with("postgres") {
        Some("select pg_sleep(30)")
    } else if url.starts_with("mysql") {
        Some("select sleep(30)")
    } else {
        None
    }
}

/// On SQLite it is the begin that waits for who writes.
#[tokio::test]
async fn a_begin_that_waits_is_what_is_run() {
    let db = demarcate_tests::sqlite().await;
    let mut other = db.connect().await;
    sqlx::raw_sql("begin immediate")
        .execute(&mut other)
        .await
        .unwrap();
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let waits = factory.transaction(async |tx: &mut demarcate::sqlite::Session| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok::<_, Error>(factory.open_boundaries())
    });
    let look = async {
        let open = async || Some(factory.open_boundaries().first()?.statement.clone()?);
        crate::eventually("it begins", async || open().await.is_some()).await;
        assert_eq!(open().await.as_deref(), Some("begin"));
        assert!(factory.open_boundaries()[0].running_for.is_some());
        sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    };
    let (after, ()) = tokio::join!(waits, look);
    assert_eq!(after.unwrap()[0].statement.as_deref(), Some("select ?"));
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn the_run_is_told_and_the_number_is_that_of_all_runs() {
    let db = demarcate_tests::postgres().await;
    db.admin(
        "create function conflict() returns int language plpgsql as \
         $$ begin raise exception 'again' using errcode = '40001', hint = 'wait for hunter2'; end $$",
    )
    .await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let numbers = Mutex::new(Vec::new());
    let options = TxOptions::new().retry(Retry::times(2).first_delay(Duration::ZERO));
    let error = factory
        .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            let open = factory.open_boundaries();
            numbers
                .lock()
                .unwrap()
                .push((open[0].transaction, open[0].run));
            sqlx::query("select conflict()").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    let numbers = numbers.into_inner().unwrap();
    let transaction = error.place().transaction().unwrap();
    assert_eq!(
        numbers,
        [(transaction, 1), (transaction, 2), (transaction, 3)]
    );
    assert_eq!(error.place().run(), Some(3));
    let all = format!("{error:#}");
    assert!(
        all.contains("\n    hint: wait for hunter2") && all.contains("SQLSTATE 40001"),
        "{all}"
    );
    factory.close(crate::GRACE).await;
}

/// The values that a constraint's detail quotes stay out.
#[tokio::test]
async fn a_detail_is_shown_without_its_values() {
    let db = demarcate_tests::postgres().await;
    db.admin("create table orders (sku text unique, cents int not null)")
        .await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for (values, detail) in [
        (
            "('hunter2', 1), ('hunter2', 1)",
            "detail: Key (sku)=(?) already exists.",
        ),
        ("('hunter2', null)", "detail: Failing row contains (?)."),
    ] {
        let error = factory
            .transaction(async |tx: &mut demarcate::postgres::Session| {
                let insert = format!("insert into orders values {values}");
                sqlx::query(sqlx::AssertSqlSafe(insert))
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        let all = format!("{error:#}");
        println!("{all}\n");
        assert!(all.contains(detail) && !all.contains("hunter2"), "{all}");
    }
    factory.close(crate::GRACE).await;
}
