use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn finish<'t>(
    tx: &mut Session,
    finish: fn() -> sqlx::Transaction<'t, sqlx::Sqlite>,
) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::Transaction::commit(finish()).await
}

fn main() {}
