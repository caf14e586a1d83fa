use demarcate::router_tx;
use demarcate::sqlite::Session;
use sqlx::{Acquire, Executor, Sqlite};

#[router_tx]
async fn create_order<'c, E, A>(tx: &mut Session, db: E, other: Option<A>) -> Result<(), sqlx::Error>
where
    E: Executor<'c, Database = Sqlite>,
    A: Acquire<'c, Database = Sqlite>,
{
    let _ = (db, other);
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
