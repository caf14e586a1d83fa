use demarcate::background_job;
use demarcate::sqlite::Session;

use std::borrow::Cow;

#[background_job]
async fn ship(tx: &mut Session, note: Cow<'_, str>) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(&*note).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
