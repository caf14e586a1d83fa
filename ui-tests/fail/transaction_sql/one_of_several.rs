use demarcate::postgres::Session;
use demarcate::service;

#[service]
async fn create_order(tx: &mut Session, all: bool, n: usize) -> Result<(), sqlx::Error> {
    sqlx::query(if all { "rollback" } else { "select 1" }).execute(&mut *tx).await?;
    let sql = match n {
        0 => "commit",
        _ => "select 1",
    };
    sqlx::query(sql).execute(&mut *tx).await?;
    const TEXTS: [&str; 2] = ["select 1", "begin"];
    sqlx::query(TEXTS[n]).execute(&mut *tx).await?;
    for sql in ["select 1", "end"] {
        sqlx::query(sql).execute(&mut *tx).await?;
    }
    Ok(())
}

fn main() {}
