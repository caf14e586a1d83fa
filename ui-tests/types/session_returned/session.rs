use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn prepared(tx: &mut Session) -> Result<&mut Session, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(tx)
}

fn main() {
    let _ = prepared;
}
