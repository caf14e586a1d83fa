use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn count(tx: &mut Session) -> i64 {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await.unwrap_or(0)
}

fn main() {}
