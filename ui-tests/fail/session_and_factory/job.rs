use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};

#[background_job]
async fn ship(tx: &mut Session, db: &SessionFactory) -> Result<(), demarcate::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
