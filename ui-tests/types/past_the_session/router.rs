use demarcate::router_tx;
use demarcate::sqlite::Session;
use axum::extract::State;

#[router_tx]
async fn create_order(tx: &mut Session, db: State<sqlx::SqlitePool>) -> Result<(), demarcate::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
