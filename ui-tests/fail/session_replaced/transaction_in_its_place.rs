use demarcate::service;

#[service]
async fn create_order(tx: &mut sqlx::Transaction<'_, sqlx::Sqlite>) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut **tx).await?;
    Ok(())
}

fn main() {}
