//! A session is an executor: every way that sqlx runs a statement works on it.

use async_trait::async_trait;
use demarcate::{Error, router_tx, service};
use demarcate_tests::on_every_database;
use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row};

use crate::ITEMS;

/// A repository as applications with many of them have it: shared between threads, behind `dyn`, with no database in it.
#[async_trait]
trait Repository: Send + Sync {
    async fn add(&mut self, id: i64) -> Result<(), sqlx::Error>;
    async fn count(&mut self) -> Result<i64, sqlx::Error>;
}

fn boxed<'c>(repository: impl Repository + 'c) -> Box<dyn Repository + 'c> {
    Box::new(repository)
}

on_every_database! {
    struct LentRepository<'c> {
        tx: &'c mut Session,
    }

    #[service]
    #[async_trait]
    impl Repository for LentRepository<'_> {
        async fn add(&mut self, id: i64) -> Result<(), sqlx::Error> {
            let insert = format!("insert into items (id) values ({id})");
            sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *self.tx).await?;
            Ok(())
        }

        async fn count(&mut self) -> Result<i64, sqlx::Error> {
            sqlx::query_scalar("select count(*) from items").fetch_one(&mut *self.tx).await
        }
    }

    #[router_tx]
    async fn post_items(tx: &mut Session, up_to: i64) -> Result<i64, Error> {
        tx.after_commit(async {});
        let mut repository = boxed(LentRepository { tx });
        for id in 1..=up_to {
            repository.add(id).await?;
        }
        Ok(repository.count().await?)
    }

    #[tokio::test]
    async fn a_repository_that_is_shared_between_threads_holds_a_session() {
        fn is_shared<T: Send + Sync + ?Sized>() {}
        is_shared::<Session>();
        is_shared::<LentRepository<'_>>();
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let posted = tokio::spawn(post_items(factory.clone(), 3)).await.unwrap();
        assert_eq!(posted.unwrap(), 3);
        assert_eq!(crate::items(&db).await, 3);
    }

    #[tokio::test]
    async fn every_kind_of_query_works() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                let mut insert = QueryBuilder::<Database>::new("insert into items (id, name) ");
                insert.push_values(1_i64..=3, |mut row, id| {
                    row.push_bind(id).push_bind(format!("item {id}"));
                });
                let inserted = insert.build().execute(&mut *tx).await?;
                assert_eq!(inserted.rows_affected(), 3);

                let names: Vec<(i64, String)> =
                    sqlx::query_as("select id, name from items order by id").fetch_all(&mut *tx).await?;
                assert_eq!(names[2], (3, "item 3".to_owned()));

                let mut rows = sqlx::query("select id from items order by id").fetch(&mut *tx);
                let mut sum = 0;
                while let Some(row) = rows.try_next().await? {
                    sum += row.get::<i64, _>(0);
                }
                drop(rows);
                assert_eq!(sum, 6);

                let one: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                assert_eq!(one, 3);
                let first = sqlx::query("select id from items order by id").fetch_optional(&mut *tx).await?;
                assert_eq!(first.unwrap().get::<i64, _>(0), 1);
                sqlx::raw_sql("delete from items where id = 1; delete from items where id = 2")
                    .execute(&mut *tx)
                    .await?;
                let left: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                assert_eq!(left, 1);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn its_debug_shows_the_boundary_and_no_secret() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let shown = factory.transaction(async |tx| Ok::<_, Error>(format!("{tx:?}"))).await.unwrap();
        assert!(shown.starts_with("Session { boundary: Site"), "{shown}");
        let shown = format!("{factory:?} {:?}", SessionFactory::builder().url(db.url()));
        if let Some((_, rest)) = db.url().split_once("://") && let Some((credentials, _)) = rest.split_once('@') {
            let password = credentials.split_once(':').unwrap().1;
            assert!(!shown.contains(password), "{shown}");
        }
    }
}

/// sqlx itself would stop at the first row, and leave the second statement out.
#[tokio::test]
async fn on_sqlite_a_text_is_run_to_its_end() {
    let db = demarcate_tests::sqlite().await;
    db.admin(ITEMS).await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let first: i64 = factory
        .transaction(async |tx| {
            let both =
                "insert into items (id) values (1) returning id; insert into items (id) values (2)";
            Ok::<_, Error>(sqlx::query_scalar(both).fetch_one(&mut *tx).await?)
        })
        .await
        .unwrap();
    assert_eq!(first, 1);
    assert_eq!(crate::items(&db).await, 2);
}

/// What `query!` needs of the database at compile time is in `tests/.sqlx`.
#[tokio::test]
async fn queries_that_are_checked_at_compile_time_work() {
    let db = demarcate_tests::sqlite().await;
    db.admin(ITEMS).await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let name = factory
        .transaction(async |tx| {
            let (id, name) = (7_i64, "seven");
            let inserted = sqlx::query!("insert into items (id, name) values ($1, $2)", id, name)
                .execute(&mut *tx)
                .await?;
            assert_eq!(inserted.rows_affected(), 1);
            let item = sqlx::query!(r#"select id as "id!", name from items where id = $1"#, id)
                .fetch_one(&mut *tx)
                .await?;
            assert_eq!(item.id, 7);
            Ok::<_, Error>(item.name)
        })
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("seven"));
}
