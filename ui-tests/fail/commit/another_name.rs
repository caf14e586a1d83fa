use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let other = &mut *tx;
    other.commit().await?;
    Ok(())
}

fn main() {}
