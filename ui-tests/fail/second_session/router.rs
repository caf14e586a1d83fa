use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session, log: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 1").execute(&mut *log).await?;
    Ok(())
}

fn main() {}
