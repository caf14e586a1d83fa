use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::{Acquire, Sqlite};

#[service]
async fn create_order<'c, A>(tx: &mut Session, db: A) -> Result<(), sqlx::Error>
where
    A: Acquire<'c, Database = Sqlite>,
 {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
