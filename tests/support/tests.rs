//! Tests of the test support itself.

use std::time::{Duration, Instant};

crate::on_every_database! {
    #[tokio::test]
    async fn databases_are_apart() {
        let (one, other) = (test_db().await, test_db().await);
        one.admin("create table t (id int)").await;
        other.admin("create table t (id int)").await;
        assert_eq!(one.admin("insert into t values (1), (2)").await, 2);
        assert_eq!(one.admin_value::<i64>("select count(*) from t").await, 2);
        assert_eq!(other.admin_value::<i64>("select count(*) from t").await, 0);
    }

    #[tokio::test]
    async fn an_open_transaction_does_not_hold_up_the_drop() {
        use sqlx::Connection;

        let db = test_db().await;
        db.admin("create table t (id int)").await;
        let mut connection = db.connect().await;
        let mut transaction = connection.begin().await.unwrap();
        sqlx::raw_sql("insert into t values (1)").execute(&mut *transaction).await.unwrap();

        let start = Instant::now();
        drop(db);
        assert!(start.elapsed() < Duration::from_secs(4), "dropping took {:?}", start.elapsed());
    }

    #[tokio::test]
    async fn many_tests_get_databases_at_once() {
        let asking: Vec<_> = (0..8).map(|_| tokio::spawn(test_db())).collect();
        for db in asking {
            assert_eq!(db.await.unwrap().admin_value::<i64>("select count(*)").await, 1);
        }
    }
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let (kept, dropped) = (crate::postgres().await, crate::postgres().await);
    let query = format!(
        "select count(*) from pg_database where datname = '{}'",
        dropped.name()
    );
    assert_eq!(kept.admin_value::<i64>(&query).await, 1);
    drop(dropped);
    assert_eq!(kept.admin_value::<i64>(&query).await, 0);
}

#[tokio::test]
#[should_panic(expected = "bad luck")]
async fn a_panic_drops_the_database() {
    let _db = crate::postgres().await;
    panic!("bad luck");
}

#[tokio::test]
async fn a_line_delays_each_round_trip() {
    use sqlx::{Connection, PgConnection};

    let db = crate::postgres().await;
    let url = crate::line::to_url(db.url(), Duration::from_millis(40)).unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let start = Instant::now();
    sqlx::raw_sql("select 1")
        .execute(&mut connection)
        .await
        .unwrap();
    let (time, nearly) = (start.elapsed(), Duration::from_millis(35));
    assert!(time >= nearly, "a round trip took {time:?}");
}
