use demarcate::router_tx;
use demarcate::sqlite::Session;

#[derive(Clone)]
struct App {
    db: sqlx::SqlitePool,
}

#[router_tx]
async fn post_order(tx: &mut Session, axum::extract::State(app): axum::extract::State<App>) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let own = app.db.begin().await?;
    drop(own);
    Ok(())
}

fn main() {}
