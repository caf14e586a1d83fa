//! Nanoseconds that it takes to classify an error: `cargo bench -p demarcate-benches --bench classify`.
//!
//! The errors are the servers' own, which it starts. Beside `classify` it measures what is looked up on request. It is
//! a measurement and not a test.

use std::hint::black_box;
use std::time::Instant;

use demarcate::classify::classify;
use sqlx::AssertSqlSafe;

const ROUNDS: u32 = 2_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let table = "create table t (id int primary key, sku varchar(20) unique)";
    let unique = "insert into t values (1, 'tea'), (2, 'tea')";
    let postgres = demarcate_tests::postgres().await;
    postgres.admin(table).await;
    let mariadb = demarcate_tests::mariadb().await;
    mariadb.admin(table).await;
    let sqlite = demarcate_tests::sqlite().await;
    sqlite.admin(table).await;

    let mut connection = postgres.connect().await;
    for sql in [
        unique,
        "select 1 / 0",
        "select pg_cancel_backend(pg_backend_pid()), pg_sleep(5)",
    ] {
        measure("PostgreSQL", &fails(sql, &mut connection).await);
    }
    let mut connection = mariadb.connect().await;
    for sql in [unique, "selct"] {
        measure("MariaDB", &fails(sql, &mut connection).await);
    }
    let mut connection = sqlite.connect().await;
    for sql in [unique, "selct"] {
        measure("SQLite", &fails(sql, &mut connection).await);
    }
    measure("sqlx", &sqlx::Error::RowNotFound);
}

async fn fails<'c, C>(sql: &str, connection: C) -> sqlx::Error
where
    C: sqlx::Executor<'c>,
{
    let sql = AssertSqlSafe(sql.to_owned());
    match connection.execute(sqlx::raw_sql(sql)).await {
        Ok(_) => panic!("it did not fail"),
        Err(error) => error,
    }
}

fn measure(database: &str, error: &sqlx::Error) {
    let classified = time(|| {
        black_box(classify(black_box(error)));
    });
    let names = time(|| {
        let found = classify(black_box(error));
        black_box((
            found.constraint(),
            found.table(),
            found.column(),
            found.value_present(),
        ));
    });
    let said = time(|| {
        black_box(classify(black_box(error)).user_message());
    });
    let category = classify(error).category;
    println!(
        "{database:<10} {:<20} classify {classified:>5.0} ns   and names {names:>5.0} ns   and message {said:>5.0} ns",
        category.to_string()
    );
}

fn time(work: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}
