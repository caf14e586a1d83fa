//! A schema that changes under a running program: what was prepared before does not answer for it.

use std::sync::Arc;

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Column, Row, SqlSafeStr};
use tokio::sync::Barrier;

const PEOPLE: &str =
    "create table people (id bigint primary key, email varchar(40), password_hash varchar(40))";
const ANN: &str =
    "insert into people (id, email, password_hash) values (1, 'ann@example.org', 'secret')";

/// Each change, the columns that are there afterwards, and what is in them.
const CHANGES: [(&str, &str); 4] = [
    (
        "alter table people add column note varchar(40) default 'new'",
        "id email=ann@example.org password_hash=secret note=new",
    ),
    (
        "alter table people drop column email",
        "id password_hash=secret note=new",
    ),
    (
        "alter table people add column email varchar(40) default 'ann@example.net'",
        "id password_hash=secret note=new email=ann@example.net",
    ),
    (
        "alter table people rename column note to remark",
        "id password_hash=secret remark=new email=ann@example.net",
    ),
];

/// The columns of a row by name, with their values.
macro_rules! shown {
    ($row:expr) => {{
        let row = $row;
        let columns: Vec<String> = row
            .columns()
            .iter()
            .map(|column| match column.name() {
                "id" => "id".to_owned(),
                name => format!("{name}={}", row.try_get::<String, _>(name).unwrap()),
            })
            .collect();
        columns.join(" ")
    }};
}

on_every_database! {
    const ALL: &str = "select * from people";

    /// Opens `count` boundaries at once, so that each has a connection of its own, and reads in each.
    async fn read_at_once(factory: &SessionFactory, count: usize) -> Vec<Result<String, Error>> {
        let together = Arc::new(Barrier::new(count));
        let tasks: Vec<_> = (0..count).map(|which| {
            let (factory, together) = (factory.clone(), Arc::clone(&together));
            tokio::spawn(async move {
                let read = factory.transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
                    let row = match which % 2 {
                        0 => sqlx::query(ALL).fetch_optional(&mut *tx).await?.expect("there is a row"),
                        _ => sqlx::query(ALL).fetch_all(&mut *tx).await?.remove(0),
                    };
                    together.wait().await;
                    Ok::<_, Error>(shown!(row))
                }).await;
                // Whoever failed has not met the others.
                if read.is_err() {
                    together.wait().await;
                }
                read
            })
        }).collect();
        let mut read = Vec::new();
        for task in tasks {
            read.push(task.await.unwrap());
        }
        read
    }

    async fn two(db: &demarcate_tests::TestDb<Database>) -> SessionFactory {
        let builder = SessionFactory::builder().url(db.url()).max_connections(2);
        builder.connect().await.unwrap()
    }

    #[tokio::test]
    async fn the_first_statement_of_a_boundary_sees_it_as_it_is() {
        let db = test_db().await;
        db.admin(PEOPLE).await;
        db.admin(ANN).await;
        let factory = two(&db).await;
        read_at_once(&factory, 2).await;
        for (change, seen) in CHANGES {
            db.admin(change).await;
            for read in read_at_once(&factory, 2).await {
                assert_eq!(read.unwrap(), seen, "after: {change}");
            }
        }
        assert!(factory.pool_status().connections <= 2);
        assert!(factory.pool_status().holders.is_empty());
        factory.close(crate::GRACE).await;
    }

    /// A later statement may fail once on each connection; it is not wrong, and `retry` runs the boundary again.
    #[tokio::test]
    async fn a_later_statement_is_right_or_is_run_again() {
        let db = test_db().await;
        db.admin(PEOPLE).await;
        db.admin(ANN).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let read = async |options: TxOptions| {
            factory.transaction_with(options, async |tx: &mut Session| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                let row = sqlx::query(ALL).fetch_one(&mut *tx).await?;
                Ok::<_, Error>(shown!(row))
            }).await
        };
        read(TxOptions::new()).await.unwrap();
        for (change, seen) in CHANGES {
            db.admin(change).await;
            assert_eq!(read(TxOptions::new().retry(1)).await.unwrap(), seen, "after: {change}");
        }
        db.admin("alter table people add column last varchar(40) default 'x'").await;
        // Without `retry` one boundary may fail, and none after it.
        if let Err(error) = read(TxOptions::new()).await {
            assert!(error.classification().retryable, "{error:#}");
        }
        read(TxOptions::new()).await.unwrap();
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_migration_of_the_program_itself_is_seen() {
        let db = test_db().await;
        db.admin(PEOPLE).await;
        db.admin(ANN).await;
        let factory = two(&db).await;
        read_at_once(&factory, 2).await;
        let sql = AssertSqlSafe(CHANGES[0].0).into_sql_str();
        let migration = Migration::new(1, "note".into(), MigrationType::Simple, sql, false);
        factory.migrate(&Migrator::with_migrations(vec![migration])).await.unwrap();
        for read in read_at_once(&factory, 2).await {
            assert_eq!(read.unwrap(), CHANGES[0].1);
        }
        factory.close(crate::GRACE).await;
    }
}

/// The same on the two databases whose DDL is part of a transaction.
macro_rules! with_own_ddl {
    ($($own:ident, $name:ident, $module:ident);*) => {$(
        mod $own {
            use super::*;
            use demarcate::$module::{Session, SessionFactory};

            #[tokio::test]
            async fn what_the_body_itself_changes_it_sees_and_nobody_after_a_rollback() {
                let db = demarcate_tests::$name().await;
                db.admin(PEOPLE).await;
                db.admin(ANN).await;
                let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
                let before = "id email=ann@example.org password_hash=secret";
                let read = async |tx: &mut Session| {
                    let row = sqlx::query("select * from people").fetch_one(&mut *tx).await?;
                    Ok::<_, Error>(shown!(row))
                };
                for _ in 0..2 {
                    assert_eq!(factory.transaction(read).await.unwrap(), before);
                    let undone: Result<(), Error> = factory.transaction(async |tx| {
                        assert_eq!(read(tx).await?, before);
                        sqlx::query(CHANGES[0].0).execute(&mut *tx).await?;
                        assert_eq!(read(tx).await?, CHANGES[0].1);
                        let inner: Result<(), Error> = tx.savepoint(async |tx| {
                            sqlx::query(CHANGES[1].0).execute(&mut *tx).await?;
                            assert_eq!(read(tx).await?, CHANGES[1].1);
                            Err(sqlx::Error::RowNotFound.into())
                        }).await;
                        inner.unwrap_err();
                        assert_eq!(read(tx).await?, CHANGES[0].1);
                        tx.rollback_only("a dry run");
                        Ok(())
                    }).await;
                    assert!(matches!(undone, Err(Error::RollbackOnly { .. })), "{undone:?}");
                    assert_eq!(factory.transaction(read).await.unwrap(), before);
                }
                factory.transaction(async |tx| {
                    read(tx).await?;
                    sqlx::query(CHANGES[0].0).execute(&mut *tx).await?;
                    assert_eq!(read(tx).await?, CHANGES[0].1);
                    Ok::<_, Error>(())
                }).await.unwrap();
                assert_eq!(factory.transaction(read).await.unwrap(), CHANGES[0].1);
                factory.close(crate::GRACE).await;
            }
        }
    )*};
}

with_own_ddl! { sqlite_ddl, sqlite, sqlite; postgres_ddl, postgres, postgres }

mod sqlite_only {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use demarcate::sqlite::{Session, SessionFactory};

    /// A hundred changes beside four readers: none reads what is not there, and none keeps the file locked.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hundred_changes_under_four_readers_lose_nothing() {
        let db = demarcate_tests::sqlite().await;
        db.admin("pragma journal_mode = wal").await;
        db.admin(PEOPLE).await;
        db.admin(ANN).await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .max_connections(4)
            .connect()
            .await
            .unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|which| {
                let (factory, is_over) = (factory.clone(), Arc::clone(&is_over));
                tokio::spawn(async move {
                    let mut reads = 0_u32;
                    while !is_over.load(Ordering::Relaxed) {
                        let options = if which % 2 == 0 {
                            TxOptions::new().read_only()
                        } else {
                            TxOptions::new()
                        };
                        let row = factory
                            .transaction_with(options, async |tx: &mut Session| {
                                Ok::<_, Error>(
                                    sqlx::query("select * from people")
                                        .fetch_one(&mut *tx)
                                        .await?,
                                )
                            })
                            .await
                            .unwrap();
                        let shown = shown!(row);
                        assert!(shown.contains("password_hash=secret"), "{shown}");
                        assert!(!shown.contains("email=secret"), "{shown}");
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        for round in 0..50 {
            for change in [
                "alter table people add column extra text default 'more'",
                "alter table people drop column extra",
            ] {
                if round % 2 == 0 {
                    db.admin(change).await;
                } else {
                    factory
                        .transaction(async |tx| {
                            sqlx::query(change).execute(&mut *tx).await?;
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
        // Whoever wants to write has the file.
        db.admin("update people set password_hash = 'other'").await;
        assert!(factory.pool_status().holders.is_empty());
        factory.close(crate::GRACE).await;
    }

    /// A database that is attached has a schema of its own.
    #[tokio::test]
    async fn a_pool_of_the_users_own_sees_it_too() {
        let db = demarcate_tests::sqlite().await;
        db.admin(PEOPLE).await;
        db.admin(ANN).await;
        let pool = sqlx::SqlitePool::connect(db.url()).await.unwrap();
        let factory = SessionFactory::from(pool);
        for (change, seen) in CHANGES {
            let read = async || {
                let row = factory
                    .transaction(async |tx| {
                        Ok::<_, Error>(
                            sqlx::query("select * from people")
                                .fetch_one(&mut *tx)
                                .await?,
                        )
                    })
                    .await
                    .unwrap();
                shown!(row)
            };
            read().await;
            db.admin(change).await;
            assert_eq!(read().await, seen);
        }
        factory.close(crate::GRACE).await;
    }
}

mod postgres_only {
    use super::*;
    use demarcate::postgres::{Session, SessionFactory};

    #[derive(Clone, Copy, Debug, PartialEq, sqlx::Type)]
    #[sqlx(type_name = "mood", rename_all = "lowercase")]
    enum Mood {
        Glad,
    }

    /// A type that was dropped and made anew has another number.
    #[tokio::test]
    async fn a_type_that_is_made_anew_is_looked_up_anew() {
        const MOODS: &str = "create type mood as enum ('glad'); create table moods (mood mood); insert into moods values ('glad')";
        let db = demarcate_tests::postgres().await;
        db.admin(MOODS).await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .max_connections(1)
            .connect()
            .await
            .unwrap();
        let feel = async |options: TxOptions, first: bool| {
            factory
                .transaction_with(options, async |tx: &mut Session| {
                    if !first {
                        sqlx::query("select 1").execute(&mut *tx).await?;
                    }
                    let read = "select mood from moods where mood = $1";
                    let mood: Mood = sqlx::query_scalar(read)
                        .bind(Mood::Glad)
                        .fetch_one(&mut *tx)
                        .await?;
                    Ok::<_, Error>(mood)
                })
                .await
        };
        feel(TxOptions::new(), true).await.unwrap();
        for first in [true, false] {
            db.admin(&format!("drop table moods; drop type mood; {MOODS}"))
                .await;
            assert_eq!(
                feel(TxOptions::new().retry(1), first).await.unwrap(),
                Mood::Glad
            );
        }
        db.admin(&format!("drop table moods; drop type mood; {MOODS}"))
            .await;
        assert_eq!(feel(TxOptions::new(), true).await.unwrap(), Mood::Glad);
        factory.close(crate::GRACE).await;
    }

    /// A tenant whose schema is a migration ahead of another's.
    #[tokio::test]
    async fn a_schema_that_is_ahead_of_another_is_read_as_it_is() {
        let db = demarcate_tests::postgres().await;
        db.admin(
            "create schema a; create table a.notes (id bigint); insert into a.notes values (1)",
        )
        .await;
        db.admin("create schema b; create table b.notes (id bigint, note text default 'b'); insert into b.notes values (2)").await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .max_connections(1)
            .connect()
            .await
            .unwrap();
        for tenant in ["a", "b", "a", "b"] {
            let columns = factory
                .transaction_with(TxOptions::new().retry(1), async |tx: &mut Session| {
                    sqlx::query("select set_config('search_path', $1, true)")
                        .bind(tenant)
                        .execute(&mut *tx)
                        .await?;
                    let row = sqlx::query("select * from notes")
                        .fetch_one(&mut *tx)
                        .await?;
                    Ok::<_, Error>(row.columns().len())
                })
                .await
                .unwrap();
            assert_eq!(columns, if tenant == "a" { 1 } else { 2 });
        }
        factory.close(crate::GRACE).await;
    }
}
