use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx(retry = 3, lock_timeout = "1s", no_rollback_for = Error::A | Error::B(_), confirm_commit)]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
