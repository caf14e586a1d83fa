use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::{Sqlite, Transaction};

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let end = Transaction::<'static, Sqlite>::commit;
    let back = Some(Transaction::<'static, Sqlite>::rollback);
    sqlx::query("select 1").execute(&mut *tx).await?;
    drop((end, back));
    Ok(())
}

fn main() {}
