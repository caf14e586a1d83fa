use demarcate::background_job;
use demarcate::mysql::Session;

#[background_job]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select get_lock('orders', 10)").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
