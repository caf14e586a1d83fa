use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session, ok: bool) -> Result<(), sqlx::Error> {
    if !ok {
        tx.rollback().await?;
    }
    Ok(())
}

fn main() {}
