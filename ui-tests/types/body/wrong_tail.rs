use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok("one")
}

fn main() {}
