//! The rows of a query in pages, and cursors of the program's own.

use demarcate::postgres::{Session, SessionFactory};
use demarcate::{Error, HttpStatus, service};
use demarcate_tests::TestDb;
use sqlx::{Postgres, Row};

use crate::{items, one_connection};

/// A factory with one connection, and 2,500 items.
async fn start() -> (TestDb<Postgres>, SessionFactory) {
    let (db, factory) = one_connection::start().await;
    db.admin("insert into items select n, 'item ' || n from generate_series(1, 2500) n")
        .await;
    (db, factory)
}

#[service]
async fn double(tx: &mut Session, above: i64) -> Result<Vec<usize>, sqlx::Error> {
    let query = sqlx::query_as("select id, name from items where id > $1 order by id").bind(above);
    tx.pages(query, 1000, async |tx, page: Vec<(i64, String)>| {
        let (id, name) = &page[0];
        assert_eq!(*name, format!("item {id}"));
        let ids: Vec<i64> = page.iter().map(|(id, _)| id + 10_000).collect();
        let insert = "insert into items select id, 'item ' || id from unnest($1::bigint[]) id";
        sqlx::query(insert).bind(ids).execute(&mut *tx).await?;
        Ok::<_, sqlx::Error>(page.len())
    })
    .await
}

#[tokio::test]
async fn statements_are_sent_between_the_pages() {
    let (db, factory) = start().await;
    for (above, sizes, count) in [
        (0, vec![1000, 1000, 500], 5000),
        (12_000, vec![500], 5500),
        (1_000_000, vec![], 5500),
    ] {
        let factory = factory.clone();
        let run = async move {
            factory
                .transaction(async |tx| Ok::<_, Error>(double(tx, above).await?))
                .await
        };
        // On another thread: the future is `Send`.
        assert_eq!(tokio::spawn(run).await.unwrap().unwrap(), sizes);
        assert_eq!(items(&db).await, count);
    }
    let exact = factory.transaction(async |tx| {
        let query = sqlx::query("select id from items where id <= 20");
        tx.pages(query, 10, async |tx, page| {
            // Pages inside pages.
            let query = sqlx::query_scalar::<_, String>("select name from items where id = $1")
                .bind(page[0].try_get::<i64, _>(0)?);
            let inner = tx
                .pages(query, 5, async |_, page| Ok::<_, Error>(page.len()))
                .await?;
            assert_eq!(inner, [1]);
            Ok::<_, Error>(page.len())
        })
        .await
    });
    assert_eq!(exact.await.unwrap(), [10, 10]);
    let all = factory.transaction(async |tx| {
        let query = sqlx::query("select id from items -- all of them");
        let all = tx
            .pages(query, usize::MAX, async |_, page| {
                Ok::<_, Error>(page.len())
            })
            .await?;
        // Its cursor is closed, also after an error.
        let query = sqlx::query("select id from items");
        let own = tx
            .pages(query, 10, async |_, _| {
                Err::<(), _>(Error::application(418, "enough"))
            })
            .await;
        own.unwrap_err();
        sqlx::query("alter table items add column more int")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(all)
    });
    assert_eq!(all.await.unwrap(), [5500]);
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn the_failure_of_a_page_is_the_boundary_s() {
    let (db, factory) = start().await;
    let failed = factory
        .transaction(async |tx| {
            let query = sqlx::query_scalar::<_, i64>("select id from items order by id");
            tx.pages(query, 1000, async |tx, page| {
                let id = if page[0] == 1001 { 1 } else { page[0] + 10_000 };
                sqlx::query("insert into items (id) values ($1)")
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            })
            .await
        })
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("duplicate key"), "{failed}");
    assert_eq!(items(&db).await, 2500);
    // Survived in a savepoint, with the cursor still open.
    factory
        .transaction(async |tx| {
            for _ in 0..2 {
                let failed = tx
                    .savepoint(async |tx| {
                        let query = sqlx::query("select id from items");
                        tx.pages(query, 7, async |_, _| {
                            Err::<(), _>(Error::application(418, "enough"))
                        })
                        .await
                    })
                    .await
                    .unwrap_err();
                assert_eq!(failed.http_status(), 418);
            }
            let query = sqlx::query("select id from items limit 3");
            assert_eq!(
                tx.pages(query, 7, async |_, page| Ok::<_, Error>(page.len()))
                    .await?,
                [3]
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    for (sql, wanted) in [
        ("delete from items", "syntax error"),
        ("select no from items", "column"),
    ] {
        let refused = factory
            .transaction(async |tx| {
                tx.pages(sqlx::query(sql), 7, async |_, _| Ok::<_, Error>(()))
                    .await
            })
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(wanted), "{refused}");
    }
    let empty = factory
        .transaction(async |tx| {
            tx.pages(sqlx::query("select 1"), 0, async |_, _| Ok::<_, Error>(()))
                .await
        })
        .await
        .unwrap_err();
    assert!(matches!(empty, Error::Config { .. }), "{empty}");
    assert_eq!(items(&db).await, 2500);
    factory.close(crate::GRACE).await;
}

/// sqlx keeps the columns of an answer by the text of its statement.
#[tokio::test]
async fn a_cursor_of_the_same_name_has_its_own_columns() {
    let (_db, factory) = start().await;
    for (select, column, value) in [
        (
            "select id::text as a, 'x' as b from items order by id",
            "a",
            "1",
        ),
        (
            "select 'y' as c, name as a from items order by id",
            "a",
            "item 1",
        ),
    ] {
        factory
            .transaction(async |tx| {
                let declare = sqlx::AssertSqlSafe(format!("declare found cursor for {select}"));
                sqlx::query(declare).execute(&mut *tx).await?;
                for fetch in [
                    "fetch 1 from found",
                    " /* again */ FETCH ABSOLUTE 1 FROM found",
                ] {
                    let row = sqlx::query(fetch).fetch_one(&mut *tx).await?;
                    assert_eq!(row.try_get::<&str, _>(column)?, value);
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    factory.close(crate::GRACE).await;
}
