#![deny(unused_must_use)]

use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn ship(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {
    ship();
}
