use demarcate::background_job;
use demarcate::mysql::Session;

#[background_job]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("set session sql_mode = ''").execute(&mut *tx).await?;
    sqlx::query("use shop").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
