use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx);
    tx.savepoint(async |_sp| Ok::<_, demarcate::Error>(()));
    Ok(())
}

fn main() {}
