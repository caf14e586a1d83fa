//! Migrations: run once, in their order, and never past one that is not as it was.

use std::time::Duration;

use demarcate::Error;
use demarcate_tests::on_every_database;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::{ITEMS, items};

/// Migrations 1, 2, .. of these texts.
fn migrations(texts: &[&str]) -> Migrator {
    let migrations = texts.iter().zip(1..).map(|(text, version)| {
        let sql = AssertSqlSafe((*text).to_owned()).into_sql_str();
        Migration::new(version, "step".into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

const ADD: &str = "insert into items (id) values (1)";

#[track_caller]
fn check_refusal(refused: Result<(), Error>, words: &[&str]) {
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::Migration { .. }), "{refused:?}");
    let said = refused.to_string();
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(refused.boundary().unwrap().file(), file!());
}

on_every_database! {
    #[tokio::test]
    async fn what_was_not_run_yet_is_run() {
        let db = test_db().await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        factory.migrate(&migrations(&[ITEMS])).await.unwrap();
        assert_eq!(items(&db).await, 0);
        for _ in 0..2 {
            factory.migrate(&migrations(&[ITEMS, ADD])).await.unwrap();
            assert_eq!(items(&db).await, 1);
        }
        // The pool is whole.
        let count: i64 = factory
            .transaction(async |tx| {
                Ok::<_, Error>(sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?)
            })
            .await
            .unwrap();
        assert_eq!(count, 1);
        factory.close(crate::GRACE).await;
        let closed = factory.migrate(&migrations(&[ITEMS, ADD])).await;
        assert!(matches!(closed, Err(Error::Closed { .. })), "{closed:?}");
    }

    #[tokio::test]
    async fn what_is_not_as_it_was_is_refused() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory.migrate(&migrations(&[ITEMS, ADD])).await.unwrap();
        check_refusal(
            factory.migrate(&migrations(&[ITEMS, "insert into items (id) values (2)"])).await,
            &["migration 2", "has been modified", "restore its file"],
        );
        check_refusal(
            factory.migrate(&migrations(&[ITEMS])).await,
            &["migration 2", "missing", "restore the migration"],
        );
        check_refusal(
            factory.migrate(&migrations(&[ITEMS, ADD, "insert into nowhere values (1)"])).await,
            &["migration 3", "nowhere", "correct this one"],
        );
        assert_eq!(items(&db).await, 1);
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn inside_a_boundary_there_is_none() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let outer = factory.clone();
        factory
            .transaction(async |_| {
                let nested = outer.migrate(&migrations(&[ITEMS])).await;
                assert!(matches!(nested, Err(Error::NestedBoundary { .. })), "{nested:?}");
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        // Side by side with one it is at home.
        factory.migrate(&migrations(&[ITEMS])).await.unwrap();
        factory.close(crate::GRACE).await;
    }

    /// Given up half-way, it leaves neither a transaction nor a lock.
    #[tokio::test]
    async fn a_migration_that_is_dropped_leaves_nothing_behind() {
        let db = test_db().await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let slow = match db.url() {
            url if url.starts_with("postgres") => "select pg_sleep(3)",
            url if url.starts_with("mysql") => "do sleep(3)",
            _ => "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) select max(i) from n",
        };
        let first = format!("{ITEMS}; {ADD}; {slow}");
        let slow = migrations(&[&first]);
        let running = match db.url() {
            url if url.starts_with("postgres") => {
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
            }
            url if url.starts_with("mysql") => {
                "select count(*) from information_schema.processlist where db = database() and info like 'do sleep%'"
            }
            // Nobody is told by SQLite. What a moment is too short for is not begun.
            _ => "select 1",
        };
        let half_way = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            crate::eventually("it is half-way", async || db.admin_value::<i64>(running).await == 1).await;
        };
        tokio::select! {
            done = factory.migrate(&slow) => panic!("it was not dropped: {done:?}"),
            () = half_way => {}
        }
        if db.url().starts_with("mysql") {
            // A change to a table commits by itself there.
            check_refusal(factory.migrate(&slow).await, &["partially applied", "repair by hand"]);
        } else {
            factory.migrate(&slow).await.unwrap();
            assert_eq!(items(&db).await, 1);
        }
        factory.close(crate::GRACE).await;
    }
}

/// Two programs that start at the same time.
macro_rules! one_after_the_other {
    ($name:ident, $module:ident) => {
        #[tokio::test]
        async fn $name() {
            let db = demarcate_tests::$name().await;
            let [one, other] =
                [0; 2].map(|_| demarcate::$module::SessionFactory::connect_lazy(db.url()).unwrap());
            let steps = migrations(&[ITEMS, ADD]);
            let (first, second) = tokio::join!(one.migrate(&steps), other.migrate(&steps));
            first.unwrap();
            second.unwrap();
            assert_eq!(items(&db).await, 1);
            one.close(crate::GRACE).await;
            other.close(crate::GRACE).await;
        }
    };
}

mod two_at_once {
    use super::*;

    one_after_the_other!(postgres, postgres);
    one_after_the_other!(mariadb, mysql);
}
