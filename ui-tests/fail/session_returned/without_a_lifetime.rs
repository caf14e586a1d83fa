use demarcate::sqlite::Session;
use demarcate::{background_job, service};

#[service]
async fn prepared(tx: &mut Session, name: &str) -> Result<&mut Session, sqlx::Error> {
    sqlx::query("select ?").bind(name).execute(&mut *tx).await?;
    Ok(tx)
}

#[background_job]
async fn ship<'a>(tx: &'a mut Session) -> Result<(i64, &'a mut Session), demarcate::Error> {
    Ok((1, tx))
}

fn main() {}
