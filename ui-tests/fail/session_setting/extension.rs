use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select load_extension('stats')").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
