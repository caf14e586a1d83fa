use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    tokio::spawn(async move {
        let _ = sqlx::query("select 1").execute(&mut *tx).await;
    });
    Ok(())
}

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    tokio::spawn(async move {
        let _ = sqlx::query("select 1").execute(&mut *tx).await;
    });
    Ok(())
}

fn main() {}
